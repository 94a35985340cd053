import type { Readable } from 'node:stream'

/** What the gate is told of a request. */
export interface GateRequest {
  readonly method: string
  /** Path and query as they came: `/orders?page=2`. */
  readonly url: string
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[]
  /** As the visitor asked for it: `Host` or `:authority`. */
  readonly host: string
  /** Where it comes from, as far as trusted proxies tell. */
  readonly ip: string
  /** Whether the visitor came by TLS. */
  readonly secure: boolean
  /** Read for the password page alone. */
  readonly body?: Readable
}

/** The headers that the gate goes by. */
export interface GateHeaders {
  token?: string
  authorization?: string
  accept?: string
  origin?: string
  contentType?: string
  fetchSite?: string
  fetchMode?: string
  fetchDest?: string
  cookies: string[]
}

const NAMES = {
  'gantry-tunnel-token': 'token',
  authorization: 'authorization',
  accept: 'accept',
  origin: 'origin',
  'content-type': 'contentType',
  'sec-fetch-site': 'fetchSite',
  'sec-fetch-mode': 'fetchMode',
  'sec-fetch-dest': 'fetchDest',
} as const

const MAX_COOKIE_LINES = 16

export function readHeaders(raw: readonly string[]): GateHeaders {
  const headers: GateHeaders = { cookies: [] }
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase()
    const value = raw[index + 1]!
    if (name === 'cookie') {
      // HTTP/2 may send each cookie in a line of its own: those that are not the relay's would take the place of those that are.
      if (value.includes('gantry_') && headers.cookies.length < MAX_COOKIE_LINES) {
        headers.cookies.push(value)
      }
    } else if (Object.hasOwn(NAMES, name)) {
      headers[NAMES[name as keyof typeof NAMES]] ??= value
    }
  }
  return headers
}

/** Of several with one name, since another host of the domain may have set one too: a few at most. */
export function cookiesNamed({ cookies }: GateHeaders, name: string): string[] {
  if (cookies.length === 0) return []
  const begin = `${name}=`
  const pairs = cookies.flatMap((line) => (line.includes(begin) ? line.split(';') : []))
  const own = pairs.map((pair) => pair.trim()).filter((pair) => pair.startsWith(begin))
  return own.slice(0, MAX_SAME_NAME).map((pair) => pair.slice(begin.length))
}

const MAX_SAME_NAME = 4

/** A page that the visitor goes to, not what a program or a page loads. */
export function isPageVisit({ method }: GateRequest, headers: GateHeaders): boolean {
  return isReading(method) && headers.accept?.includes('text/html') === true
}

export function isReading(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

/**
 * Whether a page of another site, or of another tunnel, makes the browser send this, so that what the browser shows by itself must not
 * count. Going to a page is no such thing.
 */
export function isCrossSite({ method, host }: GateRequest, headers: GateHeaders): boolean {
  const { fetchSite, fetchMode, fetchDest = 'document', origin } = headers
  if (fetchSite === 'same-origin' || fetchSite === 'none') return false
  if (fetchSite !== undefined) {
    return !(isReading(method) && fetchMode === 'navigate' && fetchDest === 'document')
  }
  return origin !== undefined && URL.parse(origin)?.host !== host.toLowerCase()
}
