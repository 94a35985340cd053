const WINDOW_MS = 1_000

/** Lets so many pass in a second, and tells at the end of the second how many it did not. */
export class RateBound implements Disposable {
  readonly #perSecond: number
  readonly #onDropped: (count: number) => void
  #passed = 0
  #dropped = 0
  #timer: NodeJS.Timeout | undefined

  constructor(perSecond: number, onDropped: (count: number) => void) {
    this.#perSecond = perSecond
    this.#onDropped = onDropped
  }

  admits(): boolean {
    this.#timer ??= setTimeout(() => this.#turn(), WINDOW_MS)
    if (this.#passed >= this.#perSecond) {
      this.#dropped += 1
      return false
    }
    this.#passed += 1
    return true
  }

  /** Tells of what was dropped up to now. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#turn()
  }

  #turn(): void {
    const dropped = this.#dropped
    this.#timer = undefined
    this.#passed = 0
    this.#dropped = 0
    if (dropped > 0) this.#onDropped(dropped)
  }
}
