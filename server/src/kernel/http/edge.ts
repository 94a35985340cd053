import { httpProblems } from './problems.ts'

/** Where clients come by HTTPS: from then on they come by nothing else. */
export const HSTS = { 'strict-transport-security': 'max-age=31536000; includeSubDomains' } as const

/** On every answer. The console's page sets a policy of its own. */
export const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const

// Under /api these are no resources of a version.
const UNVERSIONED = /^\/api\/(?:v\d+(?:\/|$)|docs(?:[/?]|$)|openapi\.json(?:\?|$))/

/** No route is here; `checkPath` refuses what was sent to it. */
const NOWHERE = '/-'

// Where clients of DevTools look for its WebSocket; some end it with a slash.
const DISCOVERY = /(\/json\/version)\/(?=$|\?)/

/** `/v1/x` is an alias of `/api/v1/x`, and `/api/x` without a version stays version 1 for ever. */
export function rewriteUrl(url: string): string {
  if (!isPlain(pathOf(url))) return NOWHERE
  if (url.startsWith('/cdp/')) return url.replace(DISCOVERY, '$1')
  if (url.startsWith('/v1/')) return `/api${url}`
  if (url.startsWith('/api/') && !UNVERSIONED.test(url)) return `/api/v1${url.slice('/api'.length)}`
  return url
}

// One spelling for each path: no encoded separators, empty or dot segments, backslashes, NULs or path parameters.
const LENIENT = /%2f|%5c|%00|%2e|\\|\/\/|;|\/\.{1,2}(?:\/|$)/i

/**
 * @throws problem `request.not_found` for a path that is spelled in a way that other parsers read differently, and
 * `request.malformed` for a NUL in the query, which no text in the database can hold.
 */
export function checkPath(url: string): void {
  const path = pathOf(url)
  if (!isPlain(path)) throw httpProblems.notFound({ detail: 'That path is not spelled plainly.' })
  if (url.includes('%00')) throw httpProblems.malformed({ detail: 'The query holds a NUL.' })
}

/** The path of a request without its query. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0]!
}

function isPlain(path: string): boolean {
  if (LENIENT.test(path)) return false
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}
