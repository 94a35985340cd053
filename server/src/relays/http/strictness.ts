import { type IncomingMessage, METHODS } from 'node:http'

/** Where a request goes, and how it is to be passed on. */
export interface Aim {
  /** As the visitor has asked for it, with its port. */
  host: string
  /** Lower case, without a port. */
  hostname: string
  /** Path and query; `*` of OPTIONS. */
  path: string
  hasBody: boolean
}

export interface Unclear {
  unclear: string
}

const HOST = /^(?:[a-z\d_](?:[a-z\d_.-]{0,252})|\[[\da-f:.]{2,45}\])(?::\d{1,5})?$/i
const DIGITS = /^\d{1,15}$/
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i
/** What may stand between the spaces of a request line: HTTP/2 has no such line, and need not look. */
const TARGET = /^[!-~\u0080-\u00ff]+$/
/** TRACE would show a visitor what is added for the service, and CONNECT speaks to proxies. */
const PASSED: ReadonlySet<string> = new Set(
  METHODS.filter((method) => method !== 'TRACE' && method !== 'CONNECT'),
)
/** What those who ask for another method are told: the ones that everybody knows. */
export const USUAL_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

/** Whether a request with this method is a service's to answer. */
export function mayPass(method: string): boolean {
  return PASSED.has(method)
}

/**
 * Where a request goes and where it ends, unless two readers could tell that differently: that is how requests are smuggled past one of
 * them. What Node's parser lets by is looked at again here.
 */
export function aimOf(request: IncomingMessage): Aim | Unclear {
  return request.httpVersionMajor === 2 ? aimOfHttp2(request) : aimOfHttp1(request)
}

/**
 * As `aimOf`, of a request to become a WebSocket. A body before it would be looked for in different places: some read it before they
 * answer, some after.
 */
export function aimOfUpgrade(request: IncomingMessage): Aim | Unclear {
  const aim = aimOf(request)
  if ('unclear' in aim) return aim
  if (request.method !== 'GET') return { unclear: 'Only GET can become a WebSocket.' }
  return aim.hasBody ? { unclear: 'It has a body, and asks for a WebSocket.' } : aim
}

function aimOfHttp1({
  rawHeaders,
  url = '',
  method,
  httpVersionMinor,
}: IncomingMessage): Aim | Unclear {
  let host: string | undefined
  let length: string | undefined
  let coding: string | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length !== 4 && name.length !== 14 && name.length !== 17) continue
    const value = rawHeaders[i + 1]!
    switch (name.toLowerCase()) {
      case 'host':
        if (host !== undefined) return { unclear: 'It has two hosts.' }
        host = value
        break
      case 'content-length':
        if (length !== undefined) return { unclear: 'It has two lengths.' }
        length = value
        break
      case 'transfer-encoding':
        if (coding !== undefined) return { unclear: 'It has two transfer encodings.' }
        coding = value
        break
    }
  }
  if (length !== undefined && !DIGITS.test(length)) return { unclear: 'Its length is no number.' }
  if (coding !== undefined) {
    if (length !== undefined) return { unclear: 'It has a length and a transfer encoding.' }
    if (coding.toLowerCase() !== 'chunked')
      return { unclear: 'Its transfer encoding is not chunked.' }
    if (httpVersionMinor === 0) return { unclear: 'HTTP/1.0 has no transfer encoding.' }
  }
  const hasBody = coding !== undefined || (length !== undefined && Number(length) > 0)
  return aim(host, url, method, hasBody)
}

function aimOfHttp2(request: IncomingMessage): Aim | Unclear {
  const { headers, url = '', method } = request
  const authority = headers[':authority'] as string | undefined
  if (headers.host !== undefined && authority !== undefined && headers.host !== authority) {
    return { unclear: 'It has two hosts.' }
  }
  if (!TARGET.test(url)) return { unclear: 'Its target is none, or of another host.' }
  const { stream } = request as unknown as { stream: { endAfterHeaders: boolean } }
  return aim(authority ?? headers.host, url, method, !stream.endAfterHeaders)
}

function aim(
  host: string | undefined,
  url: string,
  method: string | undefined,
  hasBody: boolean,
): Aim | Unclear {
  if (host === undefined || !HOST.test(host)) return { unclear: 'Its host is none.' }
  const path = pathOf(url, host, method)
  if (path === undefined) return { unclear: 'Its target is none, or of another host.' }
  return { host, hostname: hostnameOf(host), path, hasBody }
}

export function hostnameOf(host: string): string {
  const end = host.endsWith(']') ? -1 : host.lastIndexOf(':')
  const name = (end < 0 ? host : host.slice(0, end)).toLowerCase()
  return name.endsWith('.') ? name.slice(0, -1) : name
}

function pathOf(url: string, host: string, method: string | undefined): string | undefined {
  if (url.charCodeAt(0) === 47) return url
  if (url === '*') return method === 'OPTIONS' ? url : undefined
  const absolute = ABSOLUTE.exec(url)
  if (!absolute || absolute[1]!.toLowerCase() !== host.toLowerCase()) return undefined
  const path = url.slice(absolute[0].length)
  return path.startsWith('/') ? path : `/${path}`
}
