import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import type { Connection } from './connection.ts'
import { consoleCall, exceptionThrown, logEntry } from './console.ts'
import type { Exchange } from './exchange.ts'
import { Exchanges } from './exchanges.ts'
import type { FeedKind, SessionFeed } from './feed.ts'
import { cutText } from './fitting.ts'
import { RateBound } from './rate-bound.ts'
import { type AttachedTo, WatchedTargets } from './targets.ts'

export interface WatchOptions {
  endpoint: string
  feed: SessionFeed
  log: Logger
  clock: Clock
}

type Params = Record<string, unknown>

const EVENTS_PER_SECOND = 200
const MAX_URL = 2_048

/** Watches the targets of one browser for as long as somebody wants to know. */
export class Watch implements Disposable {
  readonly #options: WatchOptions
  readonly #targets: WatchedTargets
  readonly #exchanges: Exchanges
  readonly #bound: RateBound
  /** Sessions of the pages that a dialog holds. */
  readonly #held = new Set<string>()
  readonly #onDialogClosed: () => void

  constructor(
    options: WatchOptions,
    onExchange: (exchange: Exchange) => void,
    onDialogClosed: () => void,
  ) {
    this.#options = options
    this.#onDialogClosed = onDialogClosed
    this.#bound = new RateBound(EVENTS_PER_SECOND, (count) => {
      options.feed.publish('console', { type: 'dropped', count })
    })
    this.#targets = new WatchedTargets({ ...options, onMuted: (pageId) => this.#tellMuted(pageId) })
    this.#exchanges = new Exchanges((exchange, brief) => {
      onExchange(exchange)
      this.#tell('network', brief)
    })
  }

  /** A headless shell would dismiss it if we left now. */
  get hasDialog(): boolean {
    return this.#held.size > 0
  }

  async setNetwork(wanted: boolean): Promise<void> {
    if (!wanted) this.#exchanges.forget()
    await this.#targets.setNetwork(wanted)
  }

  start(connection: Connection): Promise<void> {
    return this.#targets.start(connection)
  }

  /** The connection is lost. */
  forget(): void {
    this.#held.clear()
    this.#targets.forget()
    this.#exchanges.forget()
  }

  /** An event was too large to be read. */
  passOver(): void {
    this.#tell('console', { type: 'too-large' })
  }

  take(method: string, params: Params, sessionId: string | undefined): void {
    if (method === 'Target.targetCreated') return this.#targets.discover(params)
    if (method === 'Target.attachedToTarget') return this.#targets.attach(params, sessionId)
    if (method === 'Target.detachedFromTarget') return this.#detach(params)
    if (method === 'Page.javascriptDialogOpening') this.#held.add(sessionId!)
    if (method === 'Page.javascriptDialogClosed') this.#release(sessionId!)
    const target = sessionId ? this.#targets.admit(sessionId, method) : undefined
    if (!target) return
    if (method.startsWith('Network.')) {
      return this.#exchanges.take(method, params, sessionId!, target.pageId)
    }
    this.#takeOf(target, method, params)
  }

  [Symbol.dispose](): void {
    this.#targets[Symbol.dispose]()
    this.#bound[Symbol.dispose]()
  }

  #detach(params: Params): void {
    this.#targets.detach(params)
    this.#release(String(params.sessionId))
  }

  #release(sessionId: string): void {
    if (this.#held.delete(sessionId)) this.#onDialogClosed()
  }

  #takeOf(target: AttachedTo, method: string, params: Params): void {
    const { pageId, source } = target
    switch (method) {
      case 'Runtime.consoleAPICalled':
        if (isNew(target, params.timestamp))
          this.#tell('console', { ...consoleCall(params), pageId, source })
        return
      case 'Runtime.exceptionThrown':
        if (isNew(target, params.timestamp)) {
          this.#tell('console', { ...exceptionThrown(params), pageId, source })
        }
        return
      case 'Log.entryAdded': {
        const entry = params.entry as Params
        if (isNew(target, entry.timestamp))
          this.#tell('console', { ...logEntry(entry), pageId, source })
        return
      }
      case 'Page.javascriptDialogOpening':
        return this.#tellDialog(params, pageId)
      case 'Page.javascriptDialogClosed':
        return this.#tell('dialog', { type: 'dialog.closed', pageId, accepted: params.result })
      case 'Page.frameNavigated':
        return this.#tellNavigated(params.frame as Params, pageId)
      case 'Page.navigatedWithinDocument':
        return this.#tell('lifecycle', {
          type: 'frame.moved',
          pageId,
          frameId: params.frameId,
          url: cutText(String(params.url), MAX_URL),
        })
    }
  }

  #tellDialog({ type, message, defaultPrompt, url }: Params, pageId: string): void {
    this.#tell('dialog', {
      type: 'dialog.opened',
      pageId,
      dialog: type,
      message: cutText(String(message), 4_096),
      defaultValue: cutText(String(defaultPrompt ?? ''), 1_024),
      url: cutText(String(url), MAX_URL),
    })
  }

  #tellNavigated({ id, parentId, url }: Params, pageId: string): void {
    const type = parentId ? 'frame.navigated' : 'page.navigated'
    this.#tell('lifecycle', { type, pageId, frameId: id, url: cutText(String(url), MAX_URL) })
  }

  #tellMuted(pageId: string): void {
    this.#options.feed.publish('console', { type: 'muted', pageId })
  }

  #tell(kind: Exclude<FeedKind, 'gap'>, facts: Params): void {
    if (this.#bound.admits()) this.#options.feed.publish(kind, facts)
  }
}

/** Chromium tells again what was said before it was asked. */
function isNew({ sinceUnixMs }: AttachedTo, timestamp: unknown): boolean {
  return Number(timestamp) >= sinceUnixMs
}
