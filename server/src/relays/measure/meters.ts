import type { Clock } from '#kernel/clock.ts'
import type { Meter, Usage } from './meter.ts'

/** The meters of a relay, of which only those that have counted something are looked at. */
export class Meters {
  readonly #clock: Clock
  #changed = new Set<Meter>()
  #takenAt: Date

  constructor(clock: Clock) {
    this.#clock = clock
    this.#takenAt = clock.now()
  }

  get nowMs(): number {
    return this.#clock.monotonicMs()
  }

  changed(meter: Meter): void {
    this.#changed.add(meter)
  }

  /** What was counted since the last time, which is the minute that it belongs to. */
  take(): Usage[] {
    const minute = `${this.#takenAt.toISOString().slice(0, 16)}:00.000Z`
    this.#takenAt = this.#clock.now()
    const changed = this.#changed
    this.#changed = new Set()
    const nowMs = this.nowMs
    return [...changed].flatMap((meter) => meter.take(minute, nowMs))
  }
}
