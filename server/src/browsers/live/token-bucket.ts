import type { Clock } from '#kernel/clock.ts'

/** So many per second, and so many at once after a pause. */
export class TokenBucket {
  readonly #clock: Clock
  readonly #perSecond: number
  readonly #most: number
  #tokens: number
  #filledAtMs: number

  constructor(clock: Clock, perSecond: number, most: number) {
    this.#clock = clock
    this.#perSecond = perSecond
    this.#most = most
    this.#tokens = most
    this.#filledAtMs = clock.monotonicMs()
  }

  take(cost: number): boolean {
    const now = this.#clock.monotonicMs()
    const gained = ((now - this.#filledAtMs) / 1000) * this.#perSecond
    this.#tokens = Math.min(this.#tokens + gained, this.#most)
    this.#filledAtMs = now
    if (this.#tokens < cost) return false
    this.#tokens -= cost
    return true
  }
}
