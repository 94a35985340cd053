import type { Clock } from '#kernel/clock.ts'

const REPEAT_AFTER_MS = 10_000
const MAX_KEPT = 256

/** What happened of late, so that a page that tries the same thing a thousand times is told of once. */
export class Recent<Fact> {
  readonly #clock: Clock
  readonly #facts = new Map<string, { fact: Fact; untilMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether it is news: not within the last 10 s, and not while 256 others are. */
  add(key: string, fact: Fact): boolean {
    this.#forget()
    const known = this.#facts.get(key)
    if (known) known.fact = fact
    if (known || this.#facts.size >= MAX_KEPT) return false
    this.#facts.set(key, { fact, untilMs: this.#clock.monotonicMs() + REPEAT_AFTER_MS })
    return true
  }

  get(key: string): Fact | undefined {
    this.#forget()
    return this.#facts.get(key)?.fact
  }

  /** The oldest come first. */
  #forget(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [key, { untilMs }] of this.#facts) {
      if (untilMs > nowMs) return
      this.#facts.delete(key)
    }
  }
}
