const FIRST_MS = 500
const LONGEST_MS = 30_000

/** How long to wait before the next attempt, with full jitter, so that agents whose relay went away do not come back together. */
export class Backoff {
  #failures = 0

  get failures(): number {
    return this.#failures
  }

  /** After a failure. */
  nextMs(random = Math.random()): number {
    const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures)
    this.#failures = Math.min(this.#failures + 1, 30)
    return random * longest
  }

  reset(): void {
    this.#failures = 0
  }
}
