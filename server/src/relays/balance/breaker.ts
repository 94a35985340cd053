import type { Clock } from '#kernel/clock.ts'

export type BreakerState = 'closed' | 'open' | 'half_open'

export interface BreakerSettings {
  /** Failures in a row that open it. */
  failures: number
  /** Of the first opening; the n-th one in a row lasts n times as long. */
  ejectionMs: number
  maxEjectionMs: number
  /** A probe that has not ended by then makes room for another one. */
  probeMs: number
  /** How long the share of an endpoint that has come back grows. */
  slowStartMs: number
}

export const BREAKER: BreakerSettings = {
  failures: 5,
  ejectionMs: 30_000,
  maxEjectionMs: 300_000,
  probeMs: 10_000,
  slowStartMs: 30_000,
}

/** Of a lasting absence, the last fifth is left to chance: endpoints that fell together do not come back together. */
const JITTER = 0.2
/** A returned endpoint begins with this part of its weight. */
const SLOW_START_FROM = 0.1

/** What keeps requests from an endpoint that fails, for a while. It has no timer: what time has done to it shows when it is asked. */
export class Breaker {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #settings: BreakerSettings
  #failures = 0
  #ejections = 0
  /** Undefined while it is closed. */
  #openUntilMs: number | undefined
  #probeUntilMs: number | undefined
  /** A request was given to it while it was open, as there was no other endpoint. */
  #usedAnyway = false
  #closedAtMs: number
  #returnedAtMs: number | undefined
  #lastFailure: string | undefined

  constructor(clock: Clock, random: () => number, settings: BreakerSettings) {
    this.#clock = clock
    this.#random = random
    this.#settings = settings
    this.#closedAtMs = clock.monotonicMs()
  }

  get state(): BreakerState {
    if (this.#openUntilMs === undefined) return 'closed'
    return this.#clock.monotonicMs() < this.#openUntilMs ? 'open' : 'half_open'
  }

  /** Whether it lets a request pass: all while closed, one at a time while half-open. */
  get lets(): boolean {
    if (this.#openUntilMs === undefined) return true
    const now = this.#clock.monotonicMs()
    return (
      now >= this.#openUntilMs && (this.#probeUntilMs === undefined || now >= this.#probeUntilMs)
    )
  }

  /** The part of its weight that counts now. */
  get warmth(): number {
    if (this.#returnedAtMs === undefined) return 1
    const warmed = (this.#clock.monotonicMs() - this.#returnedAtMs) / this.#settings.slowStartMs
    if (warmed >= 1) this.#returnedAtMs = undefined
    return Math.min(1, Math.max(SLOW_START_FROM, warmed))
  }

  get figures() {
    return {
      breaker: this.state,
      consecutiveFailures: this.#failures,
      ejections: this.#ejections,
      ...(this.state === 'open' && {
        ejectedForMs: Math.ceil(this.#openUntilMs! - this.#clock.monotonicMs()),
      }),
      ...(this.#lastFailure !== undefined && { lastFailure: this.#lastFailure }),
    }
  }

  /** A request is given to the endpoint: the probe, while half-open. */
  chosen(): void {
    if (this.#openUntilMs === undefined) return
    const now = this.#clock.monotonicMs()
    if (now < this.#openUntilMs) this.#usedAnyway = true
    else this.#probeUntilMs = now + this.#settings.probeMs
  }

  succeeded(): void {
    // It had begun before.
    if (this.state === 'open' && !this.#usedAnyway) return
    this.#failures = 0
    if (this.#openUntilMs !== undefined) this.#close()
  }

  /** `mayOpen` is asked before it opens. */
  failed(why: string, mayOpen: () => boolean): void {
    if (this.state === 'open') return
    this.#failures++
    this.#lastFailure = why
    if (this.#openUntilMs !== undefined) this.#open()
    else if (this.#failures >= this.#settings.failures && mayOpen()) this.#open()
  }

  /** The request that was given to it says nothing: its visitor has left. */
  abandoned(): void {
    this.#probeUntilMs = undefined
  }

  /** There is word that the endpoint does well: it may be tried now. */
  hopeful(): void {
    if (this.state === 'open') this.#openUntilMs = this.#clock.monotonicMs()
  }

  /** Its endpoint is back: its share grows from now on. */
  returned(): void {
    this.#returnedAtMs = this.#clock.monotonicMs()
  }

  #close(): void {
    this.#openUntilMs = undefined
    this.#probeUntilMs = undefined
    this.#closedAtMs = this.#clock.monotonicMs()
    this.returned()
  }

  #open(): void {
    const now = this.#clock.monotonicMs()
    const { ejectionMs, maxEjectionMs } = this.#settings
    // Each good stretch as long as one ejection takes one back.
    const forgotten =
      this.#openUntilMs === undefined ? Math.floor((now - this.#closedAtMs) / ejectionMs) : 0
    this.#ejections = Math.max(0, this.#ejections - forgotten) + 1
    const lasting = Math.min(maxEjectionMs, ejectionMs * this.#ejections)
    this.#openUntilMs = now + lasting * (1 - JITTER * this.#random())
    this.#probeUntilMs = undefined
    this.#usedAnyway = false
  }
}
