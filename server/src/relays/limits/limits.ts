import type { Clock } from '#kernel/clock.ts'

export interface LimitsConfig {
  maxConnections: number
  /** How long one may wait for a place; 0 refuses at once. */
  queueSeconds: number
  /** Of `maxConnections`, that this relay may take: all unless given. */
  share?: number
}

/** One of the places, until it is given back. */
export interface Slot extends Disposable {
  /** How long it was waited for. */
  readonly queuedMs: number
}

/** All places are taken, and so is the queue, or nobody left in time. */
export class LimitReached extends Error {
  readonly limit: number
  readonly retryAfterSeconds: number
  /** How long it was waited for a place. */
  readonly queuedMs: number

  constructor(limit: number, retryAfterSeconds: number, queuedMs = 0) {
    super(`all ${limit} places are taken`)
    this.name = 'LimitReached'
    this.limit = limit
    this.retryAfterSeconds = retryAfterSeconds
    this.queuedMs = queuedMs
  }
}

interface Waiting {
  readonly since: number
  take(): void
  refuse(error: Error): void
}

/** As many may wait as may be inside, within these bounds. */
const LEAST_QUEUE = 16
const MOST_QUEUE = 1_024
const RETRY_AFTER_SECONDS = 1

/**
 * So many at once, and a short queue before it. Who waits longest comes first while the queue moves; once the first has waited for half
 * of what anybody may, the newest does, so that under load some are served in time instead of all too late.
 */
export class Limits {
  readonly #clock: Clock
  #max = 1
  #queueMs = 0
  #inUse = 0
  /** In the order of coming. */
  readonly #queue: Waiting[] = []

  constructor(clock: Clock, config: LimitsConfig) {
    this.#clock = clock
    this.apply(config)
  }

  /** Holds from now on: those inside stay, and those who wait keep the time that they were given. */
  apply({ maxConnections, queueSeconds, share = 1 }: LimitsConfig): void {
    this.#max = Math.max(1, Math.ceil(maxConnections * share))
    this.#queueMs = queueSeconds * 1000
    while (this.#inUse < this.#max && this.#queue.length > 0) this.#admitNext()
  }

  get inUse(): number {
    return this.#inUse
  }

  get waiting(): number {
    return this.#queue.length
  }

  /**
   * A place, at once when one is free.
   *
   * @throws LimitReached
   * @throws the signal's reason, when whoever waits has gone
   */
  enter(signal?: AbortSignal): Slot | Promise<Slot> {
    if (this.#inUse < this.#max) return this.#slot(0)
    const room = Math.min(MOST_QUEUE, Math.max(LEAST_QUEUE, this.#max))
    if (this.#queueMs === 0 || this.#queue.length >= room) {
      throw new LimitReached(this.#max, RETRY_AFTER_SECONDS)
    }
    return this.#wait(signal)
  }

  #slot(queuedMs: number): Slot {
    this.#inUse++
    let held = true
    return {
      queuedMs,
      [Symbol.dispose]: () => {
        if (!held) return
        held = false
        this.#inUse--
        if (this.#inUse < this.#max && this.#queue.length > 0) this.#admitNext()
      },
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<Slot> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<Slot>()
    const since = this.#clock.monotonicMs()
    const waiting: Waiting = {
      since,
      take: () => {
        leave()
        resolve(this.#slot(this.#clock.monotonicMs() - since))
      },
      refuse: (error) => {
        leave()
        reject(error)
      },
    }
    const late = () => waiting.refuse(this.#tooLate(since))
    const gone = () => waiting.refuse(signal!.reason as Error)
    const timer = setTimeout(late, this.#queueMs)
    const leave = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', gone)
      this.#queue.splice(this.#queue.indexOf(waiting), 1)
    }
    signal?.addEventListener('abort', gone, { once: true })
    this.#queue.push(waiting)
    return promise
  }

  #admitNext(): void {
    const oldest = this.#queue[0]!
    const waitedMs = this.#clock.monotonicMs() - oldest.since
    const next = waitedMs * 2 > this.#queueMs ? this.#queue.at(-1)! : oldest
    next.take()
  }

  #tooLate(since: number): LimitReached {
    return new LimitReached(
      this.#max,
      RETRY_AFTER_SECONDS,
      Math.round(this.#clock.monotonicMs() - since),
    )
  }
}
