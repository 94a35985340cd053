import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import type { BrowserSocket } from '../cdp/dial.ts'
import { DialledAhead } from '../cdp/dialled-ahead.ts'
import type { PageFacts } from '../driver/driver.ts'
import { SessionFeed } from '../watch/feed.ts'
import { SessionGuard } from '../watch/guard.ts'

export interface AttendantOptions {
  endpoint: string
  files: { downloads: string }
  clock: Clock
  log: Logger
}

/** A browser that has not answered by then begins no download either, and what was asked of it has a deadline of its own. */
const GUARD_PATIENCE_MS = 1_000

/**
 * What every browser has from the moment at which it listens, so that a session that claims it has nothing left to attach: the feed of
 * what happens in it, the guard of its pages and downloads, and an open connection for its first client.
 */
export class Attendant implements Disposable {
  readonly feed: SessionFeed
  readonly #options: AttendantOptions
  readonly #dialled: DialledAhead
  #guard: Promise<SessionGuard> | undefined
  #isGuarded = false
  #page: PageFacts | undefined
  #disposed = false

  constructor(options: AttendantOptions) {
    const { endpoint, clock, log } = options
    this.#options = options
    this.feed = new SessionFeed({ clock, log })
    this.#dialled = new DialledAhead(endpoint)
    this.watchOver()
  }

  /** Attaches the guard, unless that has been done. */
  watchOver(): void {
    this.guarded().catch((error: unknown) => {
      this.#options.log.debug({ err: error }, 'the guard could not attach')
    })
  }

  /** Address and title of the page in front, once they are known. */
  get page(): PageFacts | undefined {
    return this.#page
  }

  /** For the first who asks; undefined for everybody else, and when it is gone. */
  takeConnection(): Promise<BrowserSocket | undefined> {
    return this.#dialled.take()
  }

  /** Where the guard could not attach, this tries again. @throws CdpClosed or CdpError */
  guarded(): Promise<SessionGuard> {
    this.#guard ??= this.#openGuard().catch((error: unknown) => {
      this.#guard = undefined
      throw error
    })
    return this.#guard
  }

  /** Until then Chromium refuses downloads, so nothing is asked of its pages. */
  async whenGuarded(): Promise<void> {
    if (this.#isGuarded) return
    const { promise: patience, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, GUARD_PATIENCE_MS)
    await Promise.race([this.guarded(), patience]).catch(() => {})
    clearTimeout(timer)
  }

  /** A client of CDP may have led downloads elsewhere, and its leaving leads them elsewhere again. */
  async claimDownloads(): Promise<void> {
    if (this.#disposed) return
    const guard = await this.guarded().catch(() => undefined)
    await guard?.claimDownloads().catch((error: unknown) => {
      this.#options.log.debug({ err: error }, 'downloads could not be led back')
    })
  }

  [Symbol.dispose](): void {
    this.#disposed = true
    this.#dialled[Symbol.dispose]()
    void this.#guard?.then(
      (guard) => guard[Symbol.dispose](),
      () => {},
    )
  }

  async #openGuard(): Promise<SessionGuard> {
    const guard = await SessionGuard.open({ ...this.#options, feed: this.feed })
    guard.onPage((page) => {
      this.#page = page
      this.feed.publish('state', { ...page })
    })
    if (this.#disposed) guard[Symbol.dispose]()
    this.#isGuarded = true
    return guard
  }
}
