import type { Page, Response } from 'playwright-core'
import { Problem } from '#kernel/problem.ts'
import { problems } from '../problems.ts'
import type { NavigateResult, WaitUntil } from './command-parts.ts'
import type { NavigateInput } from './commands.ts'
import type { Scene } from './scene.ts'
import { endLoop } from './end-loop.ts'
import type { Link } from './link.ts'
import type { Run } from './run.ts'
import { readTitle } from './state.ts'
import type { Tab } from './tab.ts'

/** What a URL may be made of before Chromium trims or drops any of it. */
const PLAIN = /^(?![\s\p{Cc}])[^\p{Cc}]*(?<!\s)$/u
const SCHEMES = new Set(['http:', 'https:'])

/** @throws problem `browser.url_refused` for all but http, https and `about:blank` */
export function checkUrl(text: string): string {
  if (/^about:blank$/i.test(text)) return 'about:blank'
  if (!PLAIN.test(text)) {
    throw refused(text, 'it begins or ends with white space, or holds control characters')
  }
  const url = URL.parse(text)
  if (!url) throw refused(text, 'it is not an absolute URL')
  if (!SCHEMES.has(url.protocol)) throw refused(text, `${url.protocol} addresses are not opened`)
  return url.href
}

/**
 * The tab to navigate: a fresh one where there is none, or in place of one that crashed, answers no more, or is held by a dialog
 * which nobody wants to answer. A script that loops there is
 * ended first, since leaving the page would end it anyway.
 */
export async function freshTab(
  link: Link,
  tab: Tab | undefined,
  run: Run,
  { dismissDialog = false }: Pick<NavigateInput, 'dismissDialog'> = {},
): Promise<Tab> {
  const isLost = tab?.crashed || (dismissDialog && tab?.dialog)
  if (tab && !isLost && (await leavable(link, tab, run))) return tab
  const fresh = await link.tabs.open(run.signal)
  if (tab) await link.tabs.abandon(tab, run.signal)
  return fresh
}

/** Stops a document that has not come and a script that loops. @returns whether the page answers now */
export async function leavable(link: Link, tab: Tab, run: Run): Promise<boolean> {
  run.awaits('the page to answer')
  if (tab.navigating) await stopLoading(link, tab)
  return endLoop(link, tab, run.signal)
}

/**
 * Opens a URL in the tab.
 *
 * @throws problem `browser.navigation_failed` with Chromium's error name
 */
export async function navigate(
  scene: Scene,
  { url, waitUntil = 'load' }: NavigateInput,
): Promise<NavigateResult> {
  const page = await scene.link.pageOf(scene.tab, scene.run)
  return arrive(scene, page, { url, waitUntil }, (limits) => page.goto(url, limits))
}

/** How a journey of the page is limited: the signal alone ends it. */
interface JourneyLimits {
  waitUntil: WaitUntil
  timeout: 0
  signal: AbortSignal
}

/**
 * Goes wherever `go` leads, which is `url` as far as is known, and tells where the page has come to.
 *
 * @throws problem `browser.navigation_failed` with Chromium's error name
 */
export async function arrive(
  scene: Scene,
  page: Page,
  { url, waitUntil }: { url: string; waitUntil: WaitUntil },
  go: (limits: JourneyLimits) => Promise<Response | null>,
): Promise<NavigateResult> {
  const { run, link, tab } = scene
  run.awaits(`${waitUntil} of ${withoutCredentials(url)}`)
  try {
    const limits: JourneyLimits = { waitUntil, timeout: 0, signal: run.signal }
    const earlier = [tab.url, tab.lastAsked, url]
    tab.lastAsked = url
    await catchUp(page, tab.url)
    const response = await answerOf(page, earlier, () => go(limits))
    const failure = response && GATEWAY_FAILURES[response.status()]
    if (failure) throw navigationFailed(url, failure)
    const title = await readTitle(scene)
    return { url: page.url(), title, status: response?.status() ?? null }
  } catch (error) {
    // Chromium holds back every later command until a pending document comes.
    if (run.expired && tab.navigating) await stopLoading(link, tab)
    throw explainNavigation(error, url, run)
  }
}

const CATCH_UP_MS = 500

/** Playwright has a connection of its own, and would take for an interruption what it hears late: that the page `shows` something else. */
async function catchUp(page: Page, shows: string): Promise<void> {
  if (page.url() === shows || page.url().startsWith('chrome-error:') || !URL.canParse(shows)) return
  const { href } = new URL(shows)
  const arrived = page.waitForURL((url) => url.href === href, {
    waitUntil: 'commit',
    timeout: CATCH_UP_MS,
  })
  await arrived.catch(() => {})
}

/** How often an earlier navigation may come in between. */
const MAX_ATTEMPTS = 3

/** Tries again where Playwright hears only now of where the page went before: to one of `earlier`, or to the error page of a failure. */
async function answerOf(
  page: Page,
  earlier: readonly string[],
  go: () => Promise<Response | null>,
): Promise<Response | null> {
  const late = [...earlier.map((url) => `another navigation to "${url}"`), 'chrome-error://']
  let answered: Response | null = null
  const note = (response: Response) => {
    const request = response.request()
    if (request.isNavigationRequest() && request.frame() === page.mainFrame()) answered = response
  }
  page.on('response', note)
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await go()
      } catch (error) {
        const { message } = error as Error
        // Chromium shows a page of its own for an error status without a body; it is an answer all the same.
        if (message.includes('ERR_HTTP_RESPONSE_CODE_FAILURE') && answered) return answered
        const isLate = late.some((sign) => message.includes(sign))
        if (attempt === MAX_ATTEMPTS || !isLate) throw error
      }
    }
  } finally {
    page.off('response', note)
  }
}

/** What the egress gateway answers plain HTTP with when it has no answer of the host, as Chromium would have named it. */
const GATEWAY_FAILURES: Record<number, string> = {
  588: 'ERR_PROXY_CONNECTION_FAILED',
  589: 'ERR_PROXY_CONNECTION_FAILED',
  590: 'ERR_TUNNEL_CONNECTION_FAILED',
  591: 'ERR_PROXY_CONNECTION_FAILED',
  592: 'ERR_PROXY_CERTIFICATE_INVALID',
  593: 'ERR_NAME_NOT_RESOLVED',
  594: 'ERR_CONNECTION_REFUSED',
  595: 'ERR_CONNECTION_RESET',
  596: 'ERR_CONNECTION_CLOSED',
  597: 'ERR_PROXY_AUTH_REQUESTED',
  598: 'ERR_CONNECTION_TIMED_OUT',
  599: 'ERR_FAILED',
}

const EXPLANATIONS: Record<string, string> = {
  ERR_ABORTED: 'the server sent no document to show, or the page cancelled the navigation',
  ERR_TUNNEL_CONNECTION_FAILED: 'the host could not be reached, or may not be from here',
  ERR_NAME_NOT_RESOLVED: 'the host has no address',
  ERR_CONNECTION_REFUSED: 'nobody listens there',
  ERR_CONNECTION_RESET: 'the server broke the connection off',
  ERR_EMPTY_RESPONSE: 'the server closed the connection without an answer',
  ERR_TOO_MANY_REDIRECTS: 'it redirects without end',
  ERR_PROXY_CONNECTION_FAILED: 'the session’s proxy could not be reached',
  ERR_PROXY_CERTIFICATE_INVALID: 'the connection to the session’s proxy is not secure',
  ERR_PROXY_AUTH_REQUESTED: 'the session’s proxy refused its credentials',
  ERR_CONNECTION_TIMED_OUT: 'the host did not answer in time',
  ERR_UNSAFE_PORT: 'Chromium does not open that port',
}

function explainNavigation(error: unknown, url: string, run: Run): unknown {
  if (!(error instanceof Error) || error instanceof Problem || run.signal.aborted) return error
  const { message } = error
  const failed = (name: string, explanation: string) =>
    navigationFailed(url, name, explanation, error)
  if (message.includes('Cannot navigate to invalid URL')) {
    return refused(url, 'Chromium finds it invalid')
  }
  if (message.includes('Download is starting')) {
    return failed('ERR_ABORTED', 'it is a download, not a page')
  }
  if (message.includes('is interrupted by another navigation')) {
    return failed('ERR_ABORTED', 'the page went elsewhere meanwhile')
  }
  const name = /net::(ERR_\w+)/.exec(message)?.[1]
  if (!name) return error
  return navigationFailed(url, name, EXPLANATIONS[name], error)
}

function navigationFailed(
  url: string,
  name: string,
  explanation = EXPLANATIONS[name],
  cause?: unknown,
) {
  return problems.navigationFailed({
    ...{ url: withoutCredentials(url), error: `net::${name}`, cause },
    explanation: explanation ?? 'that is the name of the error in Chromium',
  })
}

/** Why a host was not reached, in the gateway's words where it has any: Chromium hides what a proxy says of a tunnel. */
export type TroubleOf = (host: string, port: number) => { explanation: string } | undefined

/** The failure of a navigation with what the gateway knows of it. */
export function withTrouble(error: unknown, url: string, troubleOf: TroubleOf): unknown {
  if (!(error instanceof Problem) || error.code !== 'browser.navigation_failed') return error
  const { hostname, port, protocol } = new URL(url)
  const trouble = troubleOf(hostname, Number(port || (protocol === 'http:' ? 80 : 443)))
  if (!trouble) return error
  return problems.navigationFailed({ ...error.facts, explanation: trouble.explanation })
}

async function stopLoading(link: Link, tab: Tab): Promise<void> {
  const signal = AbortSignal.timeout(1_000)
  await link.cdp
    .send('Page.stopLoading', {}, { sessionId: tab.sessionId, signal })
    .catch(() => undefined)
}

function refused(url: string, reason: string) {
  return problems.urlRefused({ url: withoutCredentials(url).slice(0, 200), reason })
}

/** A URL as it may stand in a message. */
function withoutCredentials(text: string): string {
  return text.replace(/(?<=^\s*https?:\/\/)[^/?#]*@/i, '')
}
