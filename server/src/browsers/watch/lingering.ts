interface LingeringLimits {
  lingerMs: number
  /** Beyond it the oldest are let go. */
  most: number
}

interface Kept {
  watch: Disposable
  timer: NodeJS.Timeout
}

/**
 * Goes on watching for those who have dropped off and may come back: a page is listened to only while somebody wants to know, so
 * without this nothing of what it says between the drop and the return could be told.
 */
export class Lingering implements Disposable {
  readonly #limits: LingeringLimits
  readonly #kept = new Map<string, Kept>()

  constructor(limits: LingeringLimits) {
    this.#limits = limits
  }

  /** One for each key: a later one takes the place of an earlier one. */
  keep(key: string, watch: Disposable): void {
    const { lingerMs, most } = this.#limits
    this.#release(key)
    const timer = setTimeout(() => this.#release(key), lingerMs).unref()
    this.#kept.set(key, { watch, timer })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > most) this.#release(oldest!)
  }

  [Symbol.dispose](): void {
    for (const key of [...this.#kept.keys()]) this.#release(key)
  }

  #release(key: string): void {
    const kept = this.#kept.get(key)
    if (!kept) return
    this.#kept.delete(key)
    clearTimeout(kept.timer)
    kept.watch[Symbol.dispose]()
  }
}
