import { LINGER_MS, MAX_LINGERING } from './limits.ts'

interface Kept {
  following: Disposable
  timer: NodeJS.Timeout
}

/**
 * What dropped clients watched, for a while: a page is listened to only while somebody follows its session, so without this nothing
 * of what it says between the drop and the return could be told.
 */
export class Lingering implements Disposable {
  readonly #kept = new Map<string, Kept>()

  /** One for each key: a later one takes the place of an earlier one. Beyond 500 the oldest are let go. */
  keep(key: string, following: Disposable): void {
    this.#release(key)
    const timer = setTimeout(() => this.#release(key), LINGER_MS).unref()
    this.#kept.set(key, { following, timer })
    if (this.#kept.size <= MAX_LINGERING) return
    for (const oldest of this.#kept.keys()) return this.#release(oldest)
  }

  [Symbol.dispose](): void {
    for (const key of [...this.#kept.keys()]) this.#release(key)
  }

  #release(key: string): void {
    const kept = this.#kept.get(key)
    if (!kept) return
    this.#kept.delete(key)
    clearTimeout(kept.timer)
    kept.following[Symbol.dispose]()
  }
}
