import type { Clock } from '#kernel/clock.ts'

/** How much may pass at once after a rest. */
const BURST_MS = 250

/** Bytes a second, of all that passes one way. Without a limit it costs one comparison. */
export class Bandwidth {
  readonly #clock: Clock
  #bytesPerMs = Infinity
  /** All that came since there is a limit. */
  #taken = 0
  /** How much of that may have passed at `#at`. */
  #allowed = 0
  #at = 0

  constructor(clock: Clock, bytesPerSecond?: number) {
    this.#clock = clock
    this.apply(bytesPerSecond)
  }

  /** Holds for what is under way too. */
  apply(bytesPerSecond: number | undefined): void {
    const wasLimited = this.#isLimited
    if (wasLimited) this.#refill()
    this.#bytesPerMs = bytesPerSecond === undefined ? Infinity : Math.max(1, bytesPerSecond) / 1000
    if (!wasLimited) this.#start()
  }

  get #isLimited(): boolean {
    return this.#bytesPerMs !== Infinity
  }

  /** Takes what has come already; gives the milliseconds until more should be read, mostly 0. */
  take(bytes: number): number {
    if (!this.#isLimited) return 0
    this.#refill()
    this.#taken += bytes
    return Math.max(0, (this.#taken - this.#allowed) / this.#bytesPerMs)
  }

  #start(): void {
    this.#at = this.#clock.monotonicMs()
    this.#allowed = this.#taken + this.#bytesPerMs * BURST_MS
  }

  #refill(): void {
    const now = this.#clock.monotonicMs()
    const most = this.#taken + this.#bytesPerMs * BURST_MS
    this.#allowed = Math.min(most, this.#allowed + (now - this.#at) * this.#bytesPerMs)
    this.#at = now
  }
}
