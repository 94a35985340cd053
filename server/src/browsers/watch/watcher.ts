import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import type { Connection } from './connection.ts'
import type { Exchange } from './exchange.ts'
import type { SessionFeed } from './feed.ts'
import { LastingConnection } from './lasting.ts'
import { Watch } from './watch.ts'

export interface WatcherOptions {
  endpoint: string
  feed: SessionFeed
  log: Logger
  clock: Clock
}

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

/**
 * Publishes what pages say and do to the session's feed: console, exceptions, dialogs, navigations and, if wished, what they load. It
 * is attached to pages, frames and workers only while somebody holds a lease, never pauses one, and never answers a dialog.
 */
export class PageWatcher implements Disposable {
  readonly #options: WatcherOptions
  readonly #wishes = new Set<WatchWish>()
  #watch: Watch | undefined
  #connection: LastingConnection | undefined
  /** One change of what is watched after another. */
  #change: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: WatcherOptions) {
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
    if (this.#wishes.size === 0) return this.#stop()
    if (this.#closed) return
    if (this.#connection) return this.#watch!.setNetwork(this.#wantsNetwork())
    const watch = new Watch(this.#options, (exchange) => this.#tellExchange(exchange))
    await watch.setNetwork(this.#wantsNetwork())
    const opened = await LastingConnection.open({
      ...this.#options,
      maxReadBytes: MAX_READ_BYTES,
      onEvent: (method, params, sessionId) => watch.take(method, params, sessionId),
      onUnread: () => watch.passOver(),
      onLost: () => watch.forget(),
      start: (connection: Connection) => watch.start(connection),
    }).catch((error: unknown) => {
      watch[Symbol.dispose]()
      throw error
    })
    this.#watch = watch
    this.#connection = opened
    if (this.#closed) this.#stop()
  }

  #stop(): void {
    this.#connection?.[Symbol.dispose]()
    this.#watch?.[Symbol.dispose]()
    this.#connection = undefined
    this.#watch = undefined
  }

  #wantsNetwork(): boolean {
    return [...this.#wishes].some(({ network }) => network)
  }

  #tellExchange(exchange: Exchange): void {
    for (const { network, onExchange } of this.#wishes) if (network) onExchange?.(exchange)
  }
}
