import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import type { PageFacts } from '../driver/driver.ts'
import type { Connection } from './connection.ts'
import type { SessionFeed } from './feed.ts'
import { cutText } from './fitting.ts'
import { PageInFront } from './page-in-front.ts'
import { RateBound } from './rate-bound.ts'
import type { TargetFacts } from './target-facts.ts'

export interface PagesOptions {
  endpoint: string
  feed: SessionFeed
  log: Logger
  clock: Clock
  limit: number
  current: () => Connection | undefined
}

const EVENTS_PER_SECOND = 20
const MAX_CONTEXTS = 100
/** A window that is closed while it opens leaves the page that opens it hanging for good, and all pages of its process. */
const OPENED_MS = 500

/** The pages that are open in a browser, in all its contexts, never many more than `limit`. */
export class OpenPages implements Disposable {
  /** Called with the page in front when it has changed. */
  onFacts: ((facts: PageFacts) => void) | undefined
  /** Called when a page is the first of a context that a client has made. */
  onContext: ((id: string) => void) | undefined
  defaultContext = ''
  readonly #options: PagesOptions
  readonly #open = new Map<string, TargetFacts>()
  readonly #front: PageInFront
  readonly #events: RateBound
  readonly #refused: RateBound
  #before: ReadonlySet<string> = new Set()

  constructor(options: PagesOptions) {
    this.#options = options
    this.#front = new PageInFront({
      ...options,
      pages: () => [...this.#open.values()].filter(({ subtype }) => !subtype),
      onFacts: (facts) => this.onFacts?.(facts),
    })
    const tell = (type: string) => (count: number) =>
      options.feed.publish('lifecycle', { type, count })
    this.#events = new RateBound(EVENTS_PER_SECOND, tell('pages.unreported'))
    this.#refused = new RateBound(0, tell('pages.refused'))
  }

  /** Those that clients have made. */
  contexts(): string[] {
    const ids = [...this.#open.values()].map(({ browserContextId }) => browserContextId)
    return [...new Set(ids)]
      .filter((id) => id !== undefined && id !== this.defaultContext)
      .slice(0, MAX_CONTEXTS) as string[]
  }

  add(page: TargetFacts): void {
    const { targetId, browserContextId: context } = page
    if (this.#open.size >= this.#options.limit) return this.#refuse(targetId)
    const isNew = context && context !== this.defaultContext && !this.contexts().includes(context)
    this.#open.set(targetId, brief(page))
    if (isNew) this.onContext?.(context)
    this.#front.look()
    if (!this.#before.has(targetId)) this.#tell('page.opened', page)
  }

  change(page: TargetFacts): void {
    if (!this.#open.has(page.targetId)) return
    this.#open.set(page.targetId, brief(page))
    this.#front.look()
  }

  remove(targetId: string): void {
    const page = this.#open.get(targetId)
    if (!page) return
    this.#open.delete(targetId)
    this.#front.look()
    this.#tell('page.closed', page)
  }

  crash(targetId: string, status: string): void {
    const page = this.#open.get(targetId)
    if (page) this.#tell('page.crashed', page, { status })
  }

  /** The connection is lost; the next one tells of the pages again. */
  forget(): void {
    this.#before = new Set(this.#open.keys())
    this.#open.clear()
  }

  look(): void {
    this.#front.look()
  }

  [Symbol.dispose](): void {
    this.#front[Symbol.dispose]()
    this.#events[Symbol.dispose]()
    this.#refused[Symbol.dispose]()
  }

  #refuse(targetId: string): void {
    this.#refused.admits()
    const close = () => this.#options.current()?.tell('Target.closeTarget', { targetId })
    setTimeout(close, OPENED_MS).unref()
  }

  #tell(type: string, { targetId, url, openerId }: TargetFacts, more: object = {}): void {
    if (!this.#events.admits()) return
    const opener = openerId && { openerId }
    const facts = { type, pageId: targetId, url: cutText(url, 2_048), ...opener, ...more }
    this.#options.feed.publish('lifecycle', facts)
  }
}

/** What is kept of a page is small, whatever its address. */
function brief({ targetId, url, title, browserContextId, openerId, subtype }: TargetFacts) {
  return {
    targetId,
    url: cutText(url, 4_096),
    title: cutText(title, 1_024),
    browserContextId,
    openerId,
    subtype,
  }
}
