import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import { PEER_HEADERS } from './wire.ts'

/** Of one connection, so that the next one has its own. `Expect` is answered by each relay for itself. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization'],
  ...['te', 'transfer-encoding', 'upgrade', 'expect'],
])

const OURS: ReadonlySet<string> = new Set(Object.values(PEER_HEADERS))

/**
 * Names and values of a head, as they came and in their order, without what is of one connection only, what HTTP/2 has beside headers,
 * and what is said between relays.
 */
export function passedHeaders({ rawHeaders, headers }: IncomingMessage): string[] {
  const named = namesIn(headers.connection)
  const passed: string[] = []
  let cookieAt = -1
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    const lower = name.toLowerCase()
    if (lower.startsWith(':') || HOP_BY_HOP.has(lower) || OURS.has(lower) || named?.has(lower)) {
      continue
    }
    const value = rawHeaders[at + 1]!
    if (lower === 'cookie') {
      // HTTP/2 may send them one by one; HTTP/1.1 knows one line (RFC 9113, 8.2.3).
      if (cookieAt >= 0) {
        passed[cookieAt] = `${passed[cookieAt]}; ${value}`
        continue
      }
      cookieAt = passed.length + 1
    }
    passed.push(name, value)
  }
  const authority = headers[':authority']
  if (typeof authority === 'string' && headers.host === undefined) passed.push('Host', authority)
  return passed
}

export function hasBody(request: IncomingMessage): boolean {
  const { headers } = request
  // Of HTTP/2, a body may have neither.
  if (request.httpVersionMajor === 2) {
    return !(request as unknown as Http2ServerRequest).stream.endAfterHeaders
  }
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

export function expectsContinue({ headers }: IncomingMessage): boolean {
  return headers.expect?.toLowerCase() === '100-continue'
}

/** Takes a header out of a head and gives its value; nobody behind finds it there. */
export function takeHeader(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  delete request.headers[name]
  const { rawHeaders } = request
  for (let at = rawHeaders.length - 2; at >= 0; at -= 2) {
    if (rawHeaders[at]!.toLowerCase() === name) rawHeaders.splice(at, 2)
  }
  return typeof value === 'string' ? value : undefined
}

/** Pairs of names and values. */
export function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, at) => [raw[2 * at]!, raw[2 * at + 1]!])
}

/** Each name with all its values. */
export function byName(raw: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const [name, value] of pairs(raw)) {
    const lower = name.toLowerCase()
    found.set(lower, [...(found.get(lower) ?? []), value])
  }
  return found
}

function namesIn(connection: string | undefined): ReadonlySet<string> | undefined {
  if (!connection || /^(?:keep-alive|close|upgrade)$/i.test(connection)) return undefined
  const names = new Set(connection.toLowerCase().split(/\s*,\s*/))
  // Without it, the next relay would take the body for a request.
  names.delete('content-length')
  return names
}
