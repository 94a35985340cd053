import type { Clock } from '#kernel/clock.ts'

/** Of the requests that are under way, this share may be retries. */
const SHARE = 0.2
/** So many within any second may come on top. */
const MINIMUM_PER_SECOND = 3

/**
 * Keeps retries from becoming the load that keeps a service down. A request begins, may retry when there is room, and ends with the
 * number of its retries.
 */
export class RetryBudget {
  readonly #clock: Clock
  #active = 0
  #retrying = 0
  /** When the last ones beyond the share were made; the oldest is at `#at`. */
  readonly #beyondAtMs = Array.from({ length: MINIMUM_PER_SECOND }, () => -Infinity)
  #at = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Requests under way, and the retries that they have made. */
  get figures(): { active: number; retrying: number } {
    return { active: this.#active, retrying: this.#retrying }
  }

  began(): void {
    this.#active++
  }

  /** Takes one retry from the budget, if there is room. */
  tryRetry(): boolean {
    if (this.#retrying + 1 > this.#active * SHARE && !this.#takeBeyond()) return false
    this.#retrying++
    return true
  }

  /** `retries` are those that it has taken. */
  ended(retries = 0): void {
    this.#active--
    this.#retrying -= retries
  }

  #takeBeyond(): boolean {
    const now = this.#clock.monotonicMs()
    if (now - this.#beyondAtMs[this.#at]! < 1000) return false
    this.#beyondAtMs[this.#at] = now
    this.#at = (this.#at + 1) % MINIMUM_PER_SECOND
    return true
  }
}
