import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { BeatFacts } from './relay-schema.ts'
import type { RelayRow } from './tables.ts'

const KEPT_MS = 7 * 24 * 60 * 60_000
const SUMS = ['requests', 'failures', 'bytesIn', 'bytesOut'] as const

/** Adds what a beat tells to its minute: the highest of what the relay held, and what its sums have grown by since the beat before. */
export async function keepMinute(ctx: Context, before: RelayRow, facts: BeatFacts): Promise<void> {
  const minute = new Date(Math.floor(ctx.clock.now().getTime() / 60_000) * 60_000)
  const { cpu, eventLoopDelayMs, memoryMib, links, tunnels, streams } = facts
  const grown = growth(before.facts as Partial<BeatFacts>, facts)
  await ctx.db
    .insertInto('relayMinutes')
    .values({
      ...{ relayId: before.id, minute, cpu, eventLoopDelayMs, memoryMib, links, tunnels, streams },
      ...grown,
    })
    .onConflict((it) =>
      it.columns(['relayId', 'minute']).doUpdateSet((row) => ({
        cpu: highest('cpu'),
        eventLoopDelayMs: highest('event_loop_delay_ms'),
        memoryMib: highest('memory_mib'),
        links: highest('links'),
        tunnels: highest('tunnels'),
        streams: highest('streams'),
        requests: row('relayMinutes.requests', '+', row.ref('excluded.requests')),
        failures: row('relayMinutes.failures', '+', row.ref('excluded.failures')),
        bytesIn: row('relayMinutes.bytesIn', '+', row.ref('excluded.bytesIn')),
        bytesOut: row('relayMinutes.bytesOut', '+', row.ref('excluded.bytesOut')),
      })),
    )
    .execute()
}

function highest(column: string) {
  return sql<number>`greatest(relay_minutes.${sql.ref(column)}, excluded.${sql.ref(column)})`
}

/** Sums begin anew with the process. */
function growth(before: Partial<BeatFacts>, now: BeatFacts): Record<(typeof SUMS)[number], string> {
  const isSame = (before.uptimeSeconds ?? Infinity) <= now.uptimeSeconds
  const grown = SUMS.map((name) => {
    const since = isSame ? (before[name] ?? 0) : 0
    return [name, String(Math.max(0, now[name] - since))]
  })
  return Object.fromEntries(grown) as Record<(typeof SUMS)[number], string>
}

/** Deletes those that are older than a week. */
export async function purgeMinutes(ctx: Context): Promise<void> {
  const before = new Date(ctx.clock.now().getTime() - KEPT_MS)
  await ctx.db.deleteFrom('relayMinutes').where('minute', '<', before).execute()
}
