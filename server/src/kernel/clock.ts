/** The time of day and a steady clock. Product code never calls `Date.now()`, so that tests can set the time. */
export interface Clock {
  now(): Date
  /** Milliseconds that only ever grow; for measuring durations. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
}
