import type { Clock } from '#kernel/clock.ts'

export interface RatesOptions {
  clock: Clock
  /** What may be done for ever. */
  perSecond: number
  /** What may be done at once after a rest. */
  burst: number
  /** Those that were seen longest ago are forgotten beyond these. */
  maxKeys?: number
}

const MAX_KEYS = 10_000

/** How often each may do something (GCRA: exact over any stretch of time, with one number for each key). */
export class Rates {
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #burstMs: number
  readonly #maxKeys: number
  /** When what was done so far is paid off. The one that was seen longest ago comes first. */
  readonly #paidAt = new Map<string, number>()

  constructor({ clock, perSecond, burst, maxKeys = MAX_KEYS }: RatesOptions) {
    this.#clock = clock
    this.#everyMs = 1000 / perSecond
    this.#burstMs = burst * this.#everyMs
    this.#maxKeys = maxKeys
  }

  /** Takes one. 0 when it may be done, else the milliseconds until it may; then nothing was taken. */
  take(key: string): number {
    const now = this.#clock.monotonicMs()
    const before = this.#paidAt.get(key)
    const paidAt = Math.max(before ?? 0, now) + this.#everyMs
    const waitMs = paidAt - now - this.#burstMs
    if (waitMs > 0) return waitMs
    if (before !== undefined) this.#paidAt.delete(key)
    else if (this.#paidAt.size >= this.#maxKeys) this.#forgetOldest()
    this.#paidAt.set(key, paidAt)
    return 0
  }

  /** As `take` tells, but takes nothing. */
  waitMs(key: string): number {
    const paidAt = this.#paidAt.get(key)
    if (paidAt === undefined) return 0
    return Math.max(0, paidAt + this.#everyMs - this.#clock.monotonicMs() - this.#burstMs)
  }

  /** Takes back one that was none after all. */
  giveBack(key: string): void {
    const paidAt = this.#paidAt.get(key)
    if (paidAt === undefined) return
    if (paidAt - this.#everyMs <= this.#clock.monotonicMs()) this.#paidAt.delete(key)
    else this.#paidAt.set(key, paidAt - this.#everyMs)
  }

  get size(): number {
    return this.#paidAt.size
  }

  #forgetOldest(): void {
    for (const key of this.#paidAt.keys()) return void this.#paidAt.delete(key)
  }
}
