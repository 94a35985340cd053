import type { Context } from '#kernel/context.ts'
import type { Logger } from '#kernel/log.ts'
import type { BrowserRuntime } from '../runtime.ts'
import type { FeedEvent, FeedKind } from '../watch/feed.ts'
import type { Lingering } from '../watch/lingering.ts'
import { follow, type Following } from './following.ts'
import { QUIET_MS } from './limits.ts'

export type Deliver = (sessionId: string, event: FeedEvent) => void

export interface WatchedOptions {
  runtime: BrowserRuntime
  sessionId: string
  kinds: ReadonlySet<FeedKind>
  after: number | undefined
  deliver: Deliver
  log: Logger
}

/** One session that one client watches: each event once and in order, over every break of the way to the session's node. */
export class Watched implements Disposable {
  readonly #options: WatchedOptions
  #lastId: number | undefined
  #following: Following | undefined
  /** What came before the client knows that it watches. */
  #held: FeedEvent[] | undefined = []
  /** Tells the present following from earlier ones, which may still have something on its way. */
  #turn = 0
  #heardAtMs = 0
  #isDisposed = false

  constructor(options: WatchedOptions) {
    this.#options = options
    this.#lastId = options.after
  }

  /** Of the newest event told, or the one before the first; null while only the node knows it. */
  get lastId(): number | null {
    return this.#lastId ?? null
  }

  /** @throws as `follow` */
  async start(ctx: Context): Promise<void> {
    const { runtime, sessionId, kinds } = this.#options
    const turn = ++this.#turn
    this.#heardAtMs = ctx.clock.monotonicMs()
    const wish = { sessionId, kinds, after: this.#lastId }
    const following = await follow(ctx, runtime, wish, (event) => {
      if (turn !== this.#turn) return
      this.#heardAtMs = ctx.clock.monotonicMs()
      this.#take(event)
    })
    if (this.#isDisposed || turn !== this.#turn) return following[Symbol.dispose]()
    this.#following = following
    this.#lastId ??= following.from
  }

  /** The client knows that it watches. */
  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const event of held) this.#tell(event)
  }

  /** Asks a node in another process again when it has been quiet: nobody tells when a feed has broken off. */
  async look(ctx: Context): Promise<void> {
    if (this.#following?.isOwn || this.#isDisposed) return
    if (ctx.clock.monotonicMs() < this.#heardAtMs + QUIET_MS) return
    this.#letGo()
    await this.start(ctx).catch((error: unknown) => {
      const { sessionId, log } = this.#options
      log.debug({ err: error, session: sessionId }, 'a watched session cannot be followed now')
    })
  }

  /** The session has ended. */
  end(at: string, facts: Record<string, unknown>): void {
    const id = (this.#lastId ?? 0) + 1
    this[Symbol.dispose]()
    this.release()
    this.#tell({ id, at, kind: 'lifecycle', data: { type: 'session.ended', ...facts } })
  }

  /** The client is gone and may come back. */
  linger(lingering: Lingering): void {
    const { sessionId, kinds } = this.#options
    const following = this.#following
    this.#following = undefined
    this[Symbol.dispose]()
    const key = `${sessionId} ${kinds.has('network')}`
    if (following) lingering.keep(key, following)
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true
    this.#letGo()
  }

  #letGo(): void {
    this.#turn++
    this.#following?.[Symbol.dispose]()
    this.#following = undefined
  }

  #take(event: FeedEvent): void {
    this.#lastId = event.id
    if (this.#held) this.#held.push(event)
    else this.#tell(event)
  }

  #tell(event: FeedEvent): void {
    this.#options.deliver(this.#options.sessionId, event)
  }
}
