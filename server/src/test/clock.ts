import type { Clock } from '#kernel/clock.ts'

/** A clock that stands still until it is told to go on. */
export class TestClock implements Clock {
  #ms = Date.parse('2026-11-20T12:00:00.000Z')

  now(): Date {
    return new Date(this.#ms)
  }

  monotonicMs(): number {
    return this.#ms
  }

  advance(ms: number): void {
    this.#ms += ms
  }
}
