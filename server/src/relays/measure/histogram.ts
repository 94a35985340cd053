import { LATENCY_BOUNDS_MS } from '../control.ts'

/** One count for each bound, and one above the last. */
export const BUCKETS = LATENCY_BOUNDS_MS.length + 1

export function bucketOf(ms: number): number {
  let at = 0
  while (at < LATENCY_BOUNDS_MS.length && ms > LATENCY_BOUNDS_MS[at]!) at++
  return at
}

/**
 * The time within which the part `share` of all were, by a straight line through the bucket that it falls in; of those above the last
 * bound, that bound. Undefined when there are none.
 */
export function quantile(counts: ArrayLike<number>, share: number): number | undefined {
  let total = 0
  for (let at = 0; at < BUCKETS; at++) total += counts[at]!
  if (total === 0) return undefined
  let wanted = share * total
  for (let at = 0; at < LATENCY_BOUNDS_MS.length; at++) {
    const count = counts[at]!
    if (count > 0 && wanted <= count) {
      const from = at === 0 ? 0 : LATENCY_BOUNDS_MS[at - 1]!
      return from + (LATENCY_BOUNDS_MS[at]! - from) * (wanted / count)
    }
    wanted -= count
  }
  return LATENCY_BOUNDS_MS.at(-1)!
}
