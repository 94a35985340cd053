import { withoutOwnCookies } from './cookies.ts'
import type { HeaderEdits } from './edits.ts'
import { endsHere, namedByConnection } from './hop-by-hop.ts'

/** What a relay knows of a request when it passes it on. */
export interface ForwardedVisit {
  tunnelId: string
  /** The far end of the connection. */
  peer: string
  /** Whether `peer` is a trusted proxy: what it says of those before it is kept and added to. */
  trusted: boolean
  /** Whether the visitor came by TLS. */
  secure: boolean
  /** As the visitor asked for it: `Host` or `:authority`. */
  host: string
  /** What the service is told as its host, by `serviceHost`. */
  serviceHost: string
  /** The request asks for a WebSocket: the one upgrade that is kept. */
  webSocket: boolean
  edits: HeaderEdits | undefined
  /** `Authorization` was for the tunnel and is not the service's business. */
  withoutAuthorization?: boolean
}

/** Where a request comes from, as proxies tell it: nobody is believed but a trusted one. */
const TOLD = new Set([
  ...['forwarded', 'x-real-ip', 'x-client-ip', 'x-cluster-client-ip', 'x-original-host'],
  ...['true-client-ip', 'cf-connecting-ip', 'cf-connecting-ipv6', 'fastly-client-ip'],
  ...['x-original-forwarded-for', 'x-original-url', 'x-rewrite-url', 'x-host', 'x-scheme'],
])
const REPLACED = new Set(['host', 'via', 'forwarded', 'cookie'])

/**
 * The headers of a visitor's request as the service gets them, names and values in turn: `Host` first, nothing that ends at this hop,
 * nothing of ours, and `X-Forwarded-*`, `Forwarded` and `Via` of this hop.
 */
export function forwardedHeaders(raw: readonly string[], visit: ForwardedVisit): string[] {
  const { edits } = visit
  const named = namedByConnection(raw)
  const out = ['Host', visit.serviceHost]
  const kept: Kept = { cookies: '', via: '', forwarded: '', chain: '', forwardedHost: '' }
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase()
    const value = raw[index + 1]!
    if (endsHere(name, named)) {
      if (name === 'te' && /\btrailers\b/i.test(value)) out.push('TE', 'trailers')
      continue
    }
    if (keep(kept, name, value, visit.trusted) || isNotForService(name, visit)) continue
    if (edits?.drop.has(name)) continue
    out.push(raw[index]!, value)
  }
  addKept(out, kept, visit)
  if (visit.webSocket) out.push('Connection', 'Upgrade', 'Upgrade', 'websocket')
  if (edits) out.push(...edits.add)
  return out
}

/** What is written anew at the end, from what came. */
interface Kept {
  cookies: string
  via: string
  forwarded: string
  chain: string
  forwardedHost: string
}

/** Whether it was taken over. */
function keep(kept: Kept, name: string, value: string, trusted: boolean): boolean {
  if (!REPLACED.has(name) && name.charCodeAt(0) !== 120) return false
  switch (name) {
    case 'cookie':
      // HTTP/2 may send them one by one; HTTP/1.1 knows one line.
      kept.cookies = joined(kept.cookies, withoutOwnCookies(value), '; ')
      return true
    case 'via':
      kept.via = joined(kept.via, value)
      return true
    case 'forwarded':
      if (trusted) kept.forwarded = joined(kept.forwarded, value)
      return true
    case 'x-forwarded-for':
      if (trusted) kept.chain = joined(kept.chain, value)
      return true
    case 'x-forwarded-host':
      if (trusted) kept.forwardedHost = value
      return true
    case 'host':
    case 'x-forwarded-proto':
      return true
    default:
      return false
  }
}

function isNotForService(name: string, visit: ForwardedVisit): boolean {
  if (!visit.trusted && isTold(name)) return true
  if (name === 'authorization') return visit.withoutAuthorization === true
  return name.startsWith('gantry-tunnel')
}

/** Also where underscores stand for hyphens, which many servers take for the same. */
function isTold(name: string): boolean {
  const plain = name.includes('_') ? name.replaceAll('_', '-') : name
  return plain.startsWith('x-forwarded-') || TOLD.has(plain)
}

function addKept(out: string[], kept: Kept, visit: ForwardedVisit): void {
  const { peer, secure, host, tunnelId, edits } = visit
  const proto = secure ? 'https' : 'http'
  if (kept.cookies && !edits?.drop.has('cookie')) out.push('Cookie', kept.cookies)
  out.push('X-Forwarded-For', joined(kept.chain, peer), 'X-Forwarded-Proto', proto)
  out.push('X-Forwarded-Host', kept.forwardedHost || host)
  const hop = `for=${node(peer)};host=${quoted(host)};proto=${proto}`
  out.push('Forwarded', joined(kept.forwarded, hop), 'Via', joined(kept.via, viaOf(tunnelId)))
}

/** Whether the request has passed this tunnel before: its service leads back to itself. */
export function isLoop(raw: readonly string[], tunnelId: string): boolean {
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!
    if (name.length !== 3 || name.toLowerCase() !== 'via') continue
    if (raw[index + 1]!.includes(viaOf(tunnelId))) return true
  }
  return false
}

function viaOf(tunnelId: string): string {
  return `1.1 ${tunnelId}`
}

/** A node of `Forwarded` (RFC 7239, 6): IPv6 in brackets and quotes. */
function node(address: string): string {
  return address.includes(':') ? `"[${address}]"` : address
}

/** A host with a port is no token, and so is quoted. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, String.raw`\$&`)}"`
}

function joined(before: string, more: string, separator = ', '): string {
  if (before === '') return more
  return more === '' ? before : `${before}${separator}${more}`
}
