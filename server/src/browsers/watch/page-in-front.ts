import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import type { PageFacts } from '../driver/driver.ts'
import type { Connection } from './connection.ts'
import { cutText } from './fitting.ts'
import type { TargetFacts } from './target-facts.ts'

export interface PageInFrontOptions {
  endpoint: string
  log: Logger
  clock: Clock
  current: () => Connection | undefined
  /** In the order in which they were opened. */
  pages: () => readonly TargetFacts[]
  onFacts: (facts: PageFacts) => void
}

const LOOK_EVERY_MS = 1_000
// Chromium does not tell when a title changes, which most pages do soon after they are opened.
const LOOKS_AFTER_CHANGE = 4
const ORDER_DEADLINE_MS = 1_000
const MAX_ORDER_BYTES = 1024 * 1024

/** Looks which page is in front, and at its address and title: at most once a second, and some times after each change. */
export class PageInFront implements Disposable {
  readonly #options: PageInFrontOptions
  #told: PageFacts | undefined
  #looksLeft = 0
  #lookedAt = -Infinity
  #reading = false
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: PageInFrontOptions) {
    this.#options = options
  }

  look(): void {
    this.#looksLeft = LOOKS_AFTER_CHANGE
    if (!this.#reading) this.#turnIn(this.#lookedAt + LOOK_EVERY_MS - this.#now())
  }

  [Symbol.dispose](): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #now(): number {
    return this.#options.clock.monotonicMs()
  }

  #turnIn(ms: number): void {
    clearTimeout(this.#timer)
    if (!this.#closed) this.#timer = setTimeout(() => void this.#turn(), Math.max(ms, 0))
  }

  async #turn(): Promise<void> {
    this.#reading = true
    this.#lookedAt = this.#now()
    this.#looksLeft -= 1
    try {
      this.#tell(await this.#read())
    } catch (error) {
      this.#options.log.debug({ err: error }, 'the page in front is not known')
    }
    this.#reading = false
    // Later each time, so that a page that is left alone costs nothing.
    const pauses = Math.max(LOOKS_AFTER_CHANGE - this.#looksLeft, 1)
    if (this.#looksLeft > 0) this.#turnIn(LOOK_EVERY_MS * pauses)
  }

  #tell(facts: PageFacts | undefined): void {
    if (!facts || this.#closed) return
    if (this.#told?.url === facts.url && this.#told.title === facts.title) return
    this.#told = facts
    this.#options.onFacts(facts)
  }

  async #read(): Promise<PageFacts | undefined> {
    const page = await this.#inFront()
    if (!page) return undefined
    const answer = await this.#options
      .current()
      ?.send<{ targetInfo: TargetFacts }>('Target.getTargetInfo', { targetId: page.targetId })
    if (!answer) return undefined
    const { url, title } = answer.targetInfo
    return { url: cutText(url, 4_096), title: cutText(title, 1_024) }
  }

  async #inFront(): Promise<TargetFacts | undefined> {
    const pages = this.#options.pages()
    if (pages.length <= 1) return pages[0]
    const known = new Map(pages.map((page) => [page.targetId, page]))
    const used = await this.#idsByUse()
    return used.map((id) => known.get(id)).find((page) => page !== undefined) ?? pages.at(-1)
  }

  /** The DevTools protocol itself does not tell the order. */
  async #idsByUse(): Promise<string[]> {
    try {
      const { host } = new URL(this.#options.endpoint)
      const signal = AbortSignal.timeout(ORDER_DEADLINE_MS)
      const { body } = await fetch(`http://${host}/json/list`, { signal })
      let text = ''
      for await (const part of body!.pipeThrough(new TextDecoderStream())) {
        text += part
        if (text.length > MAX_ORDER_BYTES) return []
      }
      return (JSON.parse(text) as { id: string }[]).map(({ id }) => id)
    } catch {
      return []
    }
  }
}
