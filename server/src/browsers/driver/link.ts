import type { Page } from 'playwright-core'
import type { Logger } from '#kernel/log.ts'
import { problems } from '../problems.ts'
import { CdpClosed, CdpSocket } from './cdp.ts'
import { PlaywrightPages } from './playwright.ts'
import type { Run } from './run.ts'
import type { Tab } from './tab.ts'
import { Tabs } from './tabs.ts'

const CONNECT_DEADLINE_MS = 10_000

/** The connections to one browser: our own at once, Playwright's when a command first needs it. */
export class Link implements Disposable {
  readonly cdp: CdpSocket
  readonly tabs: Tabs
  readonly #endpoint: string
  readonly #log: Logger
  #playwright: Promise<PlaywrightPages> | undefined

  private constructor(endpoint: string, cdp: CdpSocket, tabs: Tabs, log: Logger) {
    this.#endpoint = endpoint
    this.cdp = cdp
    this.tabs = tabs
    this.#log = log
  }

  /** @throws problem `browser.crashed` when there is no browser, `browser.timeout` after 10 s, or the reason of `closing` */
  static async open(endpoint: string, log: Logger, closing: AbortSignal): Promise<Link> {
    const deadline = AbortSignal.timeout(CONNECT_DEADLINE_MS)
    const signal = AbortSignal.any([deadline, closing])
    let cdp: CdpSocket | undefined
    try {
      cdp = await CdpSocket.open(endpoint, signal)
      const tabs = await Tabs.open(cdp, endpoint, log, signal)
      log.debug({ pages: tabs.all.length }, 'driver connected')
      return new Link(endpoint, cdp, tabs, log)
    } catch (error) {
      cdp?.[Symbol.dispose]()
      if (closing.aborted) throw closing.reason
      if (deadline.aborted) throw tooSlow('the browser to answer', error)
      if (error instanceof CdpClosed)
        throw problems.crashed({ reason: error.message, cause: error })
      throw error
    }
  }

  /** Aborts when the connection, and with it most likely the browser, goes away. */
  get gone(): AbortSignal {
    return this.cdp.gone
  }

  /**
   * The page of a tab as Playwright sees it.
   *
   * @throws problem `browser.timeout` when an open page does not let Playwright in for 10 s
   */
  async pageOf(tab: Tab, run: Run): Promise<Page> {
    run.awaits('every open page to answer')
    this.#playwright ??= this.#attachPlaywright()
    const pages = await run.race(this.#playwright)
    return pages.pageOf(tab, run)
  }

  /**
   * The value of an expression; no content policy of the page forbids it.
   *
   * @throws CdpError when the page closes or navigates meanwhile, and for what the expression throws
   */
  async evaluate<Value>(
    tab: Tab,
    expression: string,
    signal: AbortSignal,
    { contextId, userGesture = false }: EvaluateOptions = {},
  ): Promise<Value> {
    const answer = await this.cdp.send<Evaluation<Value>>(
      'Runtime.evaluate',
      { expression, contextId, userGesture, returnByValue: true, awaitPromise: true },
      { sessionId: tab.sessionId, signal },
    )
    if (answer.exceptionDetails) throw new PageThrew(answer.exceptionDetails)
    return answer.result.value
  }

  /** As `evaluate`, in a world of ours that sees the page's document and none of its scripts. */
  async evaluateApart<Value>(tab: Tab, expression: string, signal: AbortSignal): Promise<Value> {
    const { executionContextId } = await this.cdp.send<{ executionContextId: number }>(
      'Page.createIsolatedWorld',
      { frameId: tab.id, worldName: 'gantry' },
      { sessionId: tab.sessionId, signal },
    )
    return this.evaluate<Value>(tab, expression, signal, { contextId: executionContextId })
  }

  [Symbol.dispose](): void {
    this.cdp[Symbol.dispose]()
    this.#playwright?.then((pages) => pages[Symbol.dispose]()).catch(() => {})
  }

  async #attachPlaywright(): Promise<PlaywrightPages> {
    const started = performance.now()
    try {
      const pages = await PlaywrightPages.connect(this.#endpoint, CONNECT_DEADLINE_MS)
      this.#log.debug(
        { durationMs: Math.round(performance.now() - started) },
        'playwright attached',
      )
      pages.onClose(() => {
        this.#playwright = undefined
      })
      return pages
    } catch (error) {
      this.#playwright = undefined
      if (error instanceof CdpClosed)
        throw problems.crashed({ reason: error.message, cause: error })
      throw tooSlow('every open page to answer', error)
    }
  }
}

interface EvaluateOptions {
  /** The world to evaluate in; the page's own unless given. */
  contextId?: number
  /** Counts as an act of the page's visitor: it may open windows then, and ask before it is left. */
  userGesture?: boolean
}

interface Evaluation<Value> {
  result: { value: Value }
  exceptionDetails?: ExceptionDetails
}

interface ExceptionDetails {
  text: string
  lineNumber: number
  columnNumber: number
  exception?: { className?: string; description?: string; value?: unknown }
}

/** What came out of an evaluated expression instead of a value. */
export class PageThrew extends Error {
  readonly details: ExceptionDetails

  constructor(details: ExceptionDetails) {
    super(details.exception?.description ?? details.text)
    this.name = 'PageThrew'
    this.details = details
  }
}

function tooSlow(awaited: string, cause: unknown): Error {
  return problems.timeout({ awaited, timeoutMs: CONNECT_DEADLINE_MS, cause })
}
