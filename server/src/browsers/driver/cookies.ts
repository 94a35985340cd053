import type { FieldError } from '#kernel/problem.ts'
import { problems } from '../problems.ts'
import type { Cookie, CookiesInput, CookiesResult, NewCookie } from './browser-commands.ts'
import { CdpError } from './cdp.ts'
import type { Link } from './link.ts'
import type { Run } from './run.ts'

/** A cookie as Chromium tells it; `expires` is -1 for one that ends with the browser. */
interface StoredCookie extends Omit<Cookie, 'expires'> {
  expires: number
  session: boolean
}

/**
 * Reads and writes the cookies of the browser's default context, all pages' alike.
 *
 * @throws problem `browser.cookie_refused` that names each refused cookie; the others are set then
 */
export async function cookies(link: Link, run: Run, input: CookiesInput): Promise<CookiesResult> {
  run.awaits('the cookies')
  switch (input.action) {
    case 'get':
      return { cookies: await readCookies(link, run, input.urls) }
    case 'set':
      return { count: await setCookies(link, run, input.cookies) }
    case 'clear':
      return { count: await clearCookies(link, run, input) }
  }
}

async function readCookies(link: Link, run: Run, urls: readonly string[] | undefined) {
  const { cookies } = await link.cdp.send<{ cookies: StoredCookie[] }>(
    'Storage.getCookies',
    {},
    { signal: run.signal },
  )
  const wanted = urls?.map((url) => new URL(url))
  return cookies
    .map(plain)
    .filter((cookie) => !wanted || wanted.some((url) => isSentTo(cookie, url)))
}

function plain(cookie: StoredCookie): Cookie {
  const { name, value, domain, path, expires, session, httpOnly, secure } = cookie
  const { sameSite, partitionKey } = cookie
  return {
    ...{ name, value, domain, path, httpOnly, secure },
    ...(!session && expires >= 0 && { expires }),
    ...(sameSite && { sameSite }),
    ...(partitionKey && { partitionKey }),
  }
}

/** By RFC 6265, section 5.4; which site a page is of does not matter here. */
function isSentTo({ domain, path, secure }: Cookie, { hostname, pathname, protocol }: URL) {
  const fitsDomain = domain.startsWith('.')
    ? `.${hostname}`.endsWith(domain.toLowerCase())
    : hostname === domain.toLowerCase()
  const base = path.endsWith('/') ? path : `${path}/`
  const fitsPath = pathname === path || pathname.startsWith(base)
  const isSafe = protocol === 'https:' || hostname === 'localhost' || hostname === '127.0.0.1'
  return fitsDomain && fitsPath && (!secure || isSafe)
}

/** One by one, since Chromium tells of a list only that one of it is bad. */
async function setCookies(link: Link, run: Run, given: readonly NewCookie[]): Promise<number> {
  const results = await Promise.allSettled(given.map((cookie) => setCookie(link, run, cookie)))
  const errors: FieldError[] = []
  for (const [place, result] of results.entries()) {
    if (result.status === 'fulfilled') continue
    if (!(result.reason instanceof CdpError)) throw result.reason
    const message = 'the browser does not take a cookie of this form'
    errors.push({ path: `body.cookies.${place}`, message })
  }
  if (errors.length === 0) return given.length
  throw problems.cookieRefused({
    ...{ refused: errors.length, given: given.length },
    errors: errors.slice(0, 50),
  })
}

async function setCookie(link: Link, run: Run, cookie: NewCookie): Promise<void> {
  const { url, domain } = cookie
  const path = cookie.path ?? (url === undefined && domain !== undefined ? '/' : undefined)
  await link.cdp.send(
    'Storage.setCookies',
    { cookies: [{ ...cookie, ...(path !== undefined && { path }) }] },
    { signal: run.signal },
  )
}

type Filter = Pick<Extract<CookiesInput, { action: 'clear' }>, 'name' | 'domain' | 'path'>

async function clearCookies(link: Link, run: Run, { name, domain, path }: Filter): Promise<number> {
  const all = await readCookies(link, run, undefined)
  if (name === undefined && domain === undefined && path === undefined) {
    await link.cdp.send('Storage.clearCookies', {}, { signal: run.signal })
    return all.length
  }
  const cleared = all.filter(
    (cookie) =>
      (name === undefined || cookie.name === name) &&
      (domain === undefined || bare(cookie.domain) === bare(domain)) &&
      (path === undefined || cookie.path === path),
  )
  // Long over, which removes it.
  const past = cleared.map((cookie) => ({ ...cookie, expires: 1 }))
  await link.cdp.send('Storage.setCookies', { cookies: past }, { signal: run.signal })
  return cleared.length
}

function bare(domain: string): string {
  return domain.toLowerCase().replace(/^\./, '')
}
