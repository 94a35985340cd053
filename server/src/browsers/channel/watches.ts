import type { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import type { Logger } from '#kernel/log.ts'
import type { BrowserRuntime } from '../runtime.ts'
import type { SessionRow } from '../tables.ts'
import type { Lingering } from '../watch/lingering.ts'
import { MAX_WATCHED } from './limits.ts'
import type { Watch } from './messages.ts'
import { channelProblems } from './problems.ts'
import { type Deliver, Watched } from './watched.ts'

export interface WatchesOptions {
  runtime: BrowserRuntime
  deliver: Deliver
  log: Logger
  /** Settled when the client has read enough for a replay to begin. */
  whenRead(): Promise<void>
}

export type EndedRow = Pick<SessionRow, 'id' | 'status' | 'endReason' | 'errorMessage' | 'endedAt'>

/** What one client watches. */
export class Watches {
  readonly #options: WatchesOptions
  readonly #watched = new Map<string, Watched>()
  /** One change after another, so that of two for one session the later one stays. */
  #change: Promise<unknown> = Promise.resolve()
  #isOver = false

  constructor(options: WatchesOptions) {
    this.#options = options
  }

  get ids(): string[] {
    return [...this.#watched.keys()]
  }

  /**
   * Watches a session, or another choice of what happens in one that is watched. Nothing is told before `release` is called.
   *
   * @throws problem `channel.too_many_watched`, or those of `follow`
   */
  watch(ctx: Context, wish: z.output<typeof Watch>): Promise<Watched> {
    const watching = this.#change.then(() => this.#watch(ctx, wish))
    this.#change = watching.catch(() => {})
    return watching
  }

  /** @throws problem `channel.not_watched` */
  unwatch(sessionId: string): Promise<void> {
    const unwatching = this.#change.then(() => {
      const watched = this.#watched.get(sessionId)
      if (!watched) throw channelProblems.notWatched({ id: sessionId })
      this.#watched.delete(sessionId)
      watched[Symbol.dispose]()
    })
    this.#change = unwatching.catch(() => {})
    return unwatching
  }

  async look(ctx: Context): Promise<void> {
    await Promise.all([...this.#watched.values()].map((watched) => watched.look(ctx)))
  }

  /** Tells that a session has ended, and watches it no more. */
  end({ id, status, endReason, errorMessage, endedAt }: EndedRow): void {
    const watched = this.#watched.get(id)
    if (!watched || !endedAt) return
    this.#watched.delete(id)
    const message = errorMessage && { errorMessage }
    watched.end(endedAt.toISOString(), { reason: endReason, status, ...message })
  }

  /** The client is gone; with `lingering` it may come back. */
  leave(lingering: Lingering | undefined): void {
    this.#isOver = true
    for (const watched of this.#watched.values()) {
      if (lingering) watched.linger(lingering)
      else watched[Symbol.dispose]()
    }
    this.#watched.clear()
  }

  async #watch(ctx: Context, { sessionId, kinds, after }: z.output<typeof Watch>) {
    const before = this.#watched.get(sessionId)
    if (!before && this.#watched.size >= MAX_WATCHED) {
      throw channelProblems.tooManyWatched({ limit: MAX_WATCHED })
    }
    await this.#options.whenRead()
    const watched = new Watched({
      ...this.#options,
      ...{ sessionId, kinds: new Set(kinds), after: after ?? before?.lastId ?? undefined },
    })
    before?.[Symbol.dispose]()
    this.#watched.delete(sessionId)
    await watched.start(ctx)
    if (this.#isOver) watched[Symbol.dispose]()
    else this.#watched.set(sessionId, watched)
    return watched
  }
}
