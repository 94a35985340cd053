/** In ms, as relays count: a count for each bound, of what took at most that long and longer than the bound before, and one above the last. */
export const LATENCY_BOUNDS_MS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1_000, 2_000, 5_000, 10_000, 30_000],
] as const

export type LatencyBounds = typeof LATENCY_BOUNDS_MS

export const LATENCY_COUNTS = LATENCY_BOUNDS_MS.length + 1

/** Time within which this share of the requests was answered, in ms, taken evenly within its bounds; undefined when there were none. */
export function percentile(counts: readonly number[], share: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return undefined
  let wanted = share * total
  for (const [at, count] of counts.entries()) {
    if (count > 0 && wanted <= count) return within(at, wanted / count)
    wanted -= count
  }
  return LATENCY_BOUNDS_MS.at(-1)!
}

/** Above the last bound, nothing is known but that. */
function within(at: number, share: number): number {
  const low = LATENCY_BOUNDS_MS[at - 1] ?? 0
  const high = LATENCY_BOUNDS_MS[at] ?? LATENCY_BOUNDS_MS.at(-1)!
  return Math.round((low + (high - low) * share) * 10) / 10
}
