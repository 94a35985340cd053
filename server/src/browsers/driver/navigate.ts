import type { Page, Response } from 'playwright-core'
import { Problem } from '#kernel/problem.ts'
import { problems } from '../problems.ts'
import type { NavigateInput, NavigateResult } from './commands.ts'
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
 * The tab to navigate: a fresh one where there is none, or in place of one that crashed or answers no more. A script that loops there is
 * ended first, since leaving the page would end it anyway.
 */
export async function freshTab(link: Link, tab: Tab | undefined, run: Run): Promise<Tab> {
  if (tab && !tab.crashed && (await leavable(link, tab, run))) return tab
  const fresh = await link.tabs.open(run.signal)
  if (tab) await link.tabs.close(tab, run.signal)
  return fresh
}

async function leavable(link: Link, tab: Tab, run: Run): Promise<boolean> {
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
  const { run, link, tab } = scene
  const page = await link.pageOf(tab, run)
  run.awaits(`${waitUntil} of ${withoutCredentials(url)}`)
  try {
    const response = await goTo(page, url, waitUntil, run)
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

/** How often the error page of an earlier failure may come in between. */
const MAX_ATTEMPTS = 3

async function goTo(
  page: Page,
  url: string,
  waitUntil: NonNullable<NavigateInput['waitUntil']>,
  run: Run,
): Promise<Response | null> {
  let answered: Response | null = null
  const note = (response: Response) => {
    const request = response.request()
    if (request.isNavigationRequest() && request.frame() === page.mainFrame()) answered = response
  }
  page.on('response', note)
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await page.goto(url, { waitUntil, timeout: 0, signal: run.signal })
      } catch (error) {
        const { message } = error as Error
        // Chromium shows a page of its own for an error status without a body; it is an answer all the same.
        if (message.includes('ERR_HTTP_RESPONSE_CODE_FAILURE') && answered) return answered
        if (attempt === MAX_ATTEMPTS || !message.includes('chrome-error://')) throw error
      }
    }
  } finally {
    page.off('response', note)
  }
}

/** What the egress gateway answers plain HTTP with when it has no answer of the host, as Chromium would have named it. */
const GATEWAY_FAILURES: Record<number, string> = {
  593: 'ERR_NAME_NOT_RESOLVED',
  594: 'ERR_CONNECTION_REFUSED',
  595: 'ERR_CONNECTION_RESET',
  596: 'ERR_CONNECTION_CLOSED',
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
