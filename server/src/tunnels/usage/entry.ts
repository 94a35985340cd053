import { z } from 'zod'
import { LATENCY_COUNTS } from './latency.ts'

const count = z.int().min(0).max(1e12)
const bytes = z.int().min(0)

/** What was counted since the entry before, of one tunnel by one endpoint. Sequences of a journal rise and are never used again. */
export const UsageEntry = z.strictObject({
  sequence: z.int().min(1),
  tunnelId: z.string().max(64),
  endpointId: z
    .string()
    .max(64)
    .optional()
    .meta({ description: 'Absent for what never reached one' }),
  minute: z.string().max(40).meta({ description: 'That it belongs to, ISO 8601' }),
  requests: count,
  failures: count.meta({ description: 'Answered with 5xx, or not at all' }),
  connections: count,
  bytesIn: bytes,
  bytesOut: bytes,
  latency: z.array(count).length(LATENCY_COUNTS).readonly().meta({
    description:
      'Requests by time to the first byte: a count for each bound, and one above the last',
  }),
})
export type UsageEntry = z.output<typeof UsageEntry>

/** Of one report. */
export const MOST_ENTRIES = 1_000

const MINUTE_MS = 60_000
const MOST_AHEAD_MS = 2 * MINUTE_MS
const MOST_LATE_MS = 7 * 24 * 60 * MINUTE_MS

/** The minute that an entry counts for. One that cannot be right, by a clock that is wrong, is the one that it is now. */
export function minuteOf({ minute }: Pick<UsageEntry, 'minute'>, now: Date): Date {
  const at = Date.parse(minute)
  const ago = now.getTime() - at
  const isPossible = ago >= -MOST_AHEAD_MS && ago <= MOST_LATE_MS
  return new Date(Math.floor((isPossible ? at : now.getTime()) / MINUTE_MS) * MINUTE_MS)
}
