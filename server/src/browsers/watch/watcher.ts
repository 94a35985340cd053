import type { Connection } from './connection.ts'
import type { Exchange } from './exchange.ts'
import type { FeedKind } from './feed.ts'
import { LastingConnection } from './lasting.ts'
import { Watch, type WatchOptions } from './watch.ts'

export interface WatchWish {
  /** Also what the pages load. */
  network: boolean
  /** Called with every request that has ended, headers and all; the feed has a short form. */
  onExchange?: (exchange: Exchange) => void
}

export interface WatchLease extends Disposable {
  /** Settled when the pages that were open are watched. Never rejects. */
  readonly ready: Promise<void>
}

const MAX_READ_BYTES = 1024 * 1024
const OF_PAGES: readonly FeedKind[] = ['console', 'dialog', 'lifecycle']

/**
 * Publishes what pages say and do to the session's feed: console, exceptions, dialogs, navigations and, if wished, what they load. It
 * is attached to pages, frames and workers only while somebody holds a lease or a dialog is open, never pauses one, and never answers
 * a dialog, as a headless shell would when it leaves.
 */
export class PageWatcher implements Disposable {
  readonly #options: WatchOptions
  readonly #wishes = new Set<WatchWish>()
  #watch: Watch | undefined
  #connection: LastingConnection | undefined
  /** What is listened for. */
  #heard: readonly FeedKind[] = []
  /** What was listened for before and is not now: who followed it may come back, and has to be told. */
  readonly #missed = new Set<FeedKind>()
  /** The connection is lost, and is being opened again: who follows is told once it is, and not at all where the browser has ended. */
  #isLost = false
  /** One change of what is watched after another. */
  #change: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: WatchOptions) {
    this.#options = options
  }

  acquire(wish: WatchWish): WatchLease {
    this.#wishes.add(wish)
    const ready = this.#adapt()
    return {
      ready,
      [Symbol.dispose]: () => {
        if (this.#wishes.delete(wish)) void this.#adapt()
      },
    }
  }

  [Symbol.dispose](): void {
    this.#closed = true
    this.#wishes.clear()
    this.#stop()
  }

  #adapt(): Promise<void> {
    this.#change = this.#change
      .then(() => this.#follow())
      .catch((error: unknown) => {
        this.#options.log.warn({ err: error }, 'the pages of a session are not watched')
      })
    return this.#change
  }

  async #follow(): Promise<void> {
    if (this.#closed) return this.#stop()
    if (this.#wishes.size === 0) return this.#watch?.hasDialog ? this.#listenFor([]) : this.#stop()
    if (this.#connection) {
      await this.#watch!.setNetwork(this.#wantsNetwork())
      return this.#listenFor(this.#wanted())
    }
    const watch = new Watch(
      this.#options,
      (exchange) => this.#tellExchange(exchange),
      () => this.#leaveUnlessWanted(),
    )
    await watch.setNetwork(this.#wantsNetwork())
    const opened = await LastingConnection.open({
      ...this.#options,
      maxReadBytes: MAX_READ_BYTES,
      onEvent: (method, params, sessionId) => watch.take(method, params, sessionId),
      onUnread: () => watch.passOver(),
      onLost: () => {
        watch.forget()
        if (watch === this.#watch) this.#isLost = true
        this.#leaveUnlessWanted()
      },
      start: async (connection: Connection) => {
        await watch.start(connection)
        if (watch === this.#watch) this.#tellOfReturn()
      },
    }).catch((error: unknown) => {
      watch[Symbol.dispose]()
      throw error
    })
    this.#watch = watch
    this.#connection = opened
    this.#isLost = opened.current === undefined
    if (this.#closed) return this.#stop()
    this.#listenFor(this.#wanted())
  }

  /** After what had kept it when the last lease ended. */
  #leaveUnlessWanted(): void {
    if (this.#wishes.size === 0) void this.#adapt()
  }

  /** Once for each loss, however many attempts it takes to open the connection again. */
  #tellOfReturn(): void {
    if (this.#isLost) this.#options.feed.break(this.#heard)
    this.#isLost = false
  }

  /** Tells of the time in which nobody has listened for what is listened for again. */
  #listenFor(kinds: readonly FeedKind[]): void {
    for (const kind of this.#heard) if (!kinds.includes(kind)) this.#missed.add(kind)
    this.#heard = kinds
    this.#options.feed.break(kinds.filter((kind) => this.#missed.delete(kind)))
  }

  #stop(): void {
    this.#listenFor([])
    this.#connection?.[Symbol.dispose]()
    this.#watch?.[Symbol.dispose]()
    this.#connection = undefined
    this.#watch = undefined
  }

  #wanted(): readonly FeedKind[] {
    return this.#wantsNetwork() ? [...OF_PAGES, 'network'] : OF_PAGES
  }

  #wantsNetwork(): boolean {
    return [...this.#wishes].some(({ network }) => network)
  }

  #tellExchange(exchange: Exchange): void {
    for (const { network, onExchange } of this.#wishes) if (network) onExchange?.(exchange)
  }
}
