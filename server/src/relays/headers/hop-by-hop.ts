/** What ends at the next hop, whether `Connection` names it or not (RFC 9110, 7.6.1), and `Expect`, which the relay meets itself. */
const HOP_BY_HOP = new Set([
  ...[
    'connection',
    'close',
    'keep-alive',
    'proxy-connection',
    'te',
    'transfer-encoding',
    'upgrade',
  ],
  ...['proxy-authorization', 'proxy-authenticate', 'proxy-authentication-info'],
  ...['http2-settings', 'expect'],
])
/** What `Connection` names in nearly all messages. */
const USUAL = new Set(['keep-alive', 'close', 'upgrade'])
/** It ends at no hop, whatever a visitor names: without it, the next one would take the body for a request. */
const LENGTH = 'content-length'
const NONE: ReadonlySet<string> = new Set()

/** Of raw headers, the names in lower case that `Connection` adds to those that end here anyway. */
export function namedByConnection(raw: readonly string[]): ReadonlySet<string> {
  let named = NONE
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue
    const value = raw[index + 1]!.toLowerCase()
    if (USUAL.has(value)) continue
    const more = value.split(',').map((option) => option.trim())
    named = new Set([...named, ...more.filter((option) => option !== LENGTH)])
  }
  return named
}

/** Of a name in lower case. Those of HTTP/2 that begin with a colon are no fields. */
export function endsHere(name: string, named: ReadonlySet<string>): boolean {
  return HOP_BY_HOP.has(name) || name.charCodeAt(0) === 58 || (named.size > 0 && named.has(name))
}
