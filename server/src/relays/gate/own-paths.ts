/** Paths of every tunnel's host that never reach the service. */
export const OWN_PATHS = '/.gantry/'
export const VISIT_PATH = '/.gantry/visit'
export const PASSWORD_PATH = '/.gantry/password'
/** Of the query: the secret of a link. */
export const LINK_PARAMETER = 'gantry_link'

const BASE = 'http://here.invalid'
const MAX_LENGTH = 4_096

/** Where on this host the text leads; `/` for everything that would lead elsewhere or to our own pages. */
export function localPath(text: string | null | undefined): string {
  if (!text || text.length > MAX_LENGTH || !text.startsWith('/')) return '/'
  const url = URL.parse(text, BASE)
  if (!url || url.origin !== BASE) return '/'
  // Two slashes would begin another host's name.
  if (url.pathname.startsWith('//') || url.pathname.startsWith(OWN_PATHS)) return '/'
  return `${url.pathname}${url.search}`
}

export function pathOf(url: string): string {
  return splitQuery(url)[0]
}

export function queryOf(url: string): URLSearchParams {
  return new URLSearchParams(splitQuery(url)[1])
}

/** The link's secret that the path carries, and the path without it. */
export function takeLink(url: string): { secret: string; rest: string } | undefined {
  if (!url.includes(LINK_PARAMETER)) return undefined
  const [path, query] = splitQuery(url)
  const secret = new URLSearchParams(query).get(LINK_PARAMETER)
  if (secret === null) return undefined
  const others = query.split('&').filter((pair) => !isLink(pair))
  return { secret, rest: localPath(others.length > 0 ? `${path}?${others.join('&')}` : path) }
}

function splitQuery(url: string): [string, string] {
  const at = url.indexOf('?')
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)]
}

/** The rest stays as it was written, since a service may go by the spelling. */
function isLink(pair: string): boolean {
  return new URLSearchParams(pair).has(LINK_PARAMETER)
}
