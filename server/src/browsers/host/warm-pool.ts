import { availableParallelism } from 'node:os'
import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import { Ticker } from '#kernel/ticker.ts'
import { askProduct } from './devtools.ts'
import type { Identity } from './identity.ts'
import type { Slot } from './slot.ts'
import type { Slots } from './slots.ts'

export interface PoolSettings {
  /** Browsers to have running at least, with a session or without. */
  min: number
  /** Browsers at most, with a session or without. */
  max: number
  /** Browsers to keep ready for sessions to come, as far as there are places; 0 keeps none, whatever `min` says. */
  spare: number
}

export interface PoolTimes {
  /** How long no session must have been asked for before the pool is filled up again… */
  quietMs: number
  /** …and how long that may put it off. */
  patienceMs: number
  /** How often every ready browser has to answer a command. */
  proveEveryMs: number
  answerWithinMs: number
  /** When a ready browser is replaced by a fresh one. */
  readyForMs: number
  /** After a failed launch, doubling up to a minute; also when the machine has no memory or time to spare. */
  retryMs: number
}

const USUAL: PoolTimes = {
  quietMs: 250,
  patienceMs: 2_000,
  proveEveryMs: 30_000,
  answerWithinMs: 3_000,
  readyForMs: 30 * 60_000,
  retryMs: 1_000,
}
const LONGEST_RETRY_MS = 60_000
/** Two cores launch one at a time, so that a session that is asked for meanwhile has the other. */
const AT_ONCE = Math.max(1, Math.floor(availableParallelism() / 2))

export interface PoolOptions {
  slots: Slots
  identity: Identity
  clock: Clock
  log: Logger
  times?: Partial<PoolTimes>
}

/** Keeps idle browsers ready, and sees to it that they are. */
export class WarmPool implements AsyncDisposable {
  readonly #options: PoolOptions
  readonly #times: PoolTimes
  readonly #proving: Ticker
  #settings: PoolSettings
  #timer: NodeJS.Timeout | undefined
  #askedAtMs = -Infinity
  /** Since when browsers have been missing. */
  #missingSinceMs: number | undefined
  #notBeforeMs = -Infinity
  #failures = 0
  #begun = false
  #stopped = false

  constructor(options: PoolOptions) {
    const { log, slots } = options
    this.#options = options
    this.#times = { ...USUAL, ...options.times }
    this.#settings = { min: 0, max: slots.ledger.max, spare: 0 }
    const work = () => this.#proveAll()
    const everyMs = this.#times.proveEveryMs
    this.#proving = new Ticker({ name: 'prove ready browsers', everyMs, log, work })
  }

  get settings(): PoolSettings {
    return this.#settings
  }

  /** Takes effect at once. @throws RangeError when a number is negative, or not whole. */
  set(settings: PoolSettings): void {
    for (const [name, value] of Object.entries(settings)) {
      if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} is no count`)
    }
    this.#settings = settings
    this.#options.slots.ledger.max = settings.max
    if (!this.#begun) this.#proving.start()
    this.#begun = true
    this.look()
  }

  /** A session is being asked for. */
  noteAsked(): void {
    this.#askedAtMs = this.#now()
  }

  /** Compares what there is with what there is to be. To be called when slots have come, gone or been claimed. */
  look(): void {
    if (this.#stopped || !this.#begun) return
    clearTimeout(this.#timer)
    const surplus = -this.#missing()
    if (surplus > 0) this.#retire(surplus)
    if (surplus >= 0) this.#missingSinceMs = undefined
    else this.#fill()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#proving[Symbol.asyncDispose]()
  }

  /** How many idle browsers there are too few; negative when there are too many. */
  #missing(): number {
    const { min, max, spare } = this.#settings
    const { ledger } = this.#options.slots
    const { ready, warming, claiming, claimed } = ledger.counts
    const busy = ledger.size - ready - warming
    const wanted = spare === 0 || ledger.draining ? 0 : Math.max(spare, min - claiming - claimed)
    return Math.min(wanted, max - busy) - ready - warming
  }

  #fill(): void {
    const { slots } = this.#options
    this.#missingSinceMs ??= this.#now()
    const waitMs = this.#waitMs()
    if (waitMs > 0) return this.#lookIn(waitMs)
    while (this.#missing() > 0 && slots.ledger.counts.warming < AT_ONCE) {
      // A place that is being wiped will tell when it is free.
      if (!slots.ledger.hasRoom) return
      if (!slots.canWarm()) return this.#lookIn(this.#times.retryMs)
      void this.#warm()
    }
  }

  async #warm(): Promise<void> {
    const { slots, identity, log } = this.#options
    try {
      await slots.warm(identity)
      this.#failures = 0
    } catch (error) {
      if (this.#stopped) return
      const { retryMs } = this.#times
      const pauseMs = Math.min(retryMs * 2 ** this.#failures++, LONGEST_RETRY_MS)
      this.#notBeforeMs = this.#now() + pauseMs
      log.warn({ err: error, pauseMs }, 'a browser could not be warmed')
    }
    this.look()
  }

  /** How long the next one is put off: after failures, and while sessions are being asked for. */
  #waitMs(): number {
    const now = this.#now()
    const { quietMs, patienceMs } = this.#times
    const quietAtMs = this.#askedAtMs + quietMs
    const patientUntilMs = this.#missingSinceMs! + patienceMs
    return Math.max(this.#notBeforeMs, Math.min(quietAtMs, patientUntilMs)) - now
  }

  #lookIn(ms: number): void {
    this.#timer = setTimeout(() => this.look(), ms).unref()
  }

  /** The oldest ones; launches under way are last. */
  #retire(count: number): void {
    const { slots } = this.#options
    const idle = [...slots.in('ready'), ...slots.in('warming')]
    for (const slot of idle.slice(0, count)) void slots.endQuietly(slot)
  }

  async #proveAll(): Promise<void> {
    const { slots } = this.#options
    // What could not be wiped yet keeps its place until it is.
    for (const slot of slots.in('ending')) void slots.endQuietly(slot)
    const ready = slots.in('ready')
    for (const slot of ready) await this.#prove(slot)
    const old = ready.find((slot) => this.#now() - slot.readySinceMs > this.#times.readyForMs)
    // One at a time: the others serve until it has been replaced.
    if (old) await this.#endIdle(old)
    this.look()
  }

  async #prove(slot: Slot): Promise<void> {
    try {
      await askProduct(slot.endpoint!, this.#times.answerWithinMs)
    } catch (error) {
      this.#options.log.warn({ slot: slot.id, err: error }, 'a ready browser does not answer')
      await this.#endIdle(slot)
    }
  }

  /** Not when a session has claimed it meanwhile. */
  async #endIdle(slot: Slot): Promise<void> {
    if (this.#options.slots.ledger.state(slot.id) === 'ready')
      await this.#options.slots.endQuietly(slot)
  }

  #now(): number {
    return this.#options.clock.monotonicMs()
  }
}
