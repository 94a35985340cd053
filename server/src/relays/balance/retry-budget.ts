import type { Clock } from '#kernel/clock.ts'

/** Of the requests that are under way, this share may be retries. */
const SHARE = 0.2
/** So many more in a second, whatever is under way. */
const MINIMUM_PER_SECOND = 3

/**
 * Keeps retries from becoming the load that keeps a service down. A request begins, may retry when there is room, and ends with the
 * number of its retries.
 */
export class RetryBudget {
  readonly #clock: Clock
  #active = 0
  #retrying = 0
  #second = 0
  #inSecond = 0

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
    if (this.#retrying + 1 > this.#active * SHARE && !this.#hasMinimum()) return false
    this.#retrying++
    return true
  }

  ended(retries = 0): void {
    this.#active--
    this.#retrying -= retries
  }

  #hasMinimum(): boolean {
    const second = Math.floor(this.#clock.monotonicMs() / 1000)
    if (second !== this.#second) this.#inSecond = 0
    this.#second = second
    if (this.#inSecond >= MINIMUM_PER_SECOND) return false
    this.#inSecond++
    return true
  }
}
