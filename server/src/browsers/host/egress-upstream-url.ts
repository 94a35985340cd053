import { plainHost } from '#kernel/public-addresses.ts'

/** A proxy of a customer. `username` and `password` are secret and go nowhere but to that proxy. */
export interface Upstream {
  readonly protocol: 'http' | 'https' | 'socks5'
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string
}

const DEFAULT_PORTS = { http: 80, https: 443, socks5: 1080 } as const
const MAX_URL_LENGTH = 2_048
/** The most that SOCKS5 can carry. */
const MAX_CREDENTIAL_BYTES = 255

/** The proxy that a URL names, or what is wrong with the URL in words that do not repeat it. */
export function parseUpstream(text: string): Upstream | string {
  const url = text.length <= MAX_URL_LENGTH && isPlain(text) ? URL.parse(text) : null
  if (!url) return 'the upstream is not a URL such as http://user:password@proxy.example.com:3128'
  const protocol = protocolOf(url)
  if (!protocol) return 'the upstream must begin with http://, https://, socks5:// or socks5h://'
  if (!/^\/?$/.test(url.pathname) || url.search || url.hash) {
    return 'the upstream names a host and a port only: leave out path, query and fragment'
  }
  const host = plainHost(url.hostname)
  if (!host) return 'the upstream names no host'
  if (url.port === '0') return 'the port of the upstream must be between 1 and 65535'
  const credentials = credentialsOf(url, protocol)
  if (typeof credentials === 'string') return credentials
  return { protocol, host, port: Number(url.port) || DEFAULT_PORTS[protocol], ...credentials }
}

function isPlain(text: string): boolean {
  return !/[\s\p{Cc}\\]/u.test(text)
}

function protocolOf({ protocol }: URL): Upstream['protocol'] | undefined {
  if (protocol === 'http:' || protocol === 'https:') return protocol === 'http:' ? 'http' : 'https'
  return protocol === 'socks5:' || protocol === 'socks5h:' ? 'socks5' : undefined
}

function credentialsOf(url: URL, protocol: Upstream['protocol']) {
  const username = decoded(url.username)
  const password = decoded(url.password)
  if (username === undefined || password === undefined) {
    return 'the credentials of the upstream must be percent-encoded'
  }
  if ([username, password].some((text) => Buffer.byteLength(text) > MAX_CREDENTIAL_BYTES)) {
    return `the user name and the password of the upstream have at most ${MAX_CREDENTIAL_BYTES} bytes each`
  }
  if (/\p{Cc}/u.test(username + password)) {
    return 'the credentials of the upstream hold control characters'
  }
  if (protocol !== 'socks5' && username.includes(':')) {
    return 'the user name of an HTTP upstream cannot hold a colon'
  }
  if (protocol === 'socks5' && Boolean(username) !== Boolean(password)) {
    return 'a SOCKS5 upstream takes a user name and a password, or neither'
  }
  return { username, password }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
