import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { addSpans, type SpanCounts } from './counts.ts'
import { hourDays, minuteHours } from './settings.ts'

const CHUNK = 2_000
const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS

/**
 * Moves what was counted in old minutes into their hours, and old hours into their days. A count leaves one row and comes to the other
 * in the same transaction, so it is never in both: this may run twice, at once, or be broken off, and what is reported late is moved by
 * the next run.
 */
export async function foldUsage(ctx: Context): Promise<void> {
  const now = ctx.clock.now().getTime()
  const ofMinutes = startOf(now - ctx.settings.get(minuteHours) * HOUR_MS, HOUR_MS)
  await foldBefore(ctx, 'minute', 'hour', ofMinutes)
  const ofHours = startOf(now - ctx.settings.get(hourDays) * DAY_MS, DAY_MS)
  await foldBefore(ctx, 'hour', 'day', ofHours)
}

async function foldBefore(ctx: Context, from: 'minute' | 'hour', to: 'hour' | 'day', end: Date) {
  const lengthMs = to === 'hour' ? HOUR_MS : DAY_MS
  for (let moved = CHUNK; moved === CHUNK;) {
    ctx.signal.throwIfAborted()
    moved = await ctx.transaction(async (ctx) => {
      const taken = await takeOut(ctx, from, end)
      const at = (one: SpanCounts) => startOf(one.at.getTime(), lengthMs)
      await addSpans(
        ctx,
        to,
        taken.map((one) => ({ ...one, at: at(one) })),
      )
      return taken.length
    })
  }
}

/** Spans begin with UTC's. */
function startOf(atMs: number, lengthMs: number): Date {
  return new Date(Math.floor(atMs / lengthMs) * lengthMs)
}

async function takeOut({ db }: Context, span: string, end: Date): Promise<SpanCounts[]> {
  const { rows } = await sql<Record<keyof SpanCounts, string> & { at: Date; latency: string[] }>`
    delete from tunnel_usage where (tunnel_id, span, at, endpoint_id) in (
      select tunnel_id, span, at, endpoint_id from tunnel_usage
      where span = ${span} and at < ${end}
      order by tunnel_id, at, endpoint_id limit ${CHUNK} for update skip locked)
    returning tunnel_id as "tunnelId", endpoint_id as "endpointId", at, requests, failures,
      connections, bytes_in as "bytesIn", bytes_out as "bytesOut", latency`.execute(db)
  return rows.map((row) => ({
    ...{ tunnelId: row.tunnelId, endpointId: row.endpointId, at: row.at },
    ...{ requests: Number(row.requests), failures: Number(row.failures) },
    connections: Number(row.connections),
    ...{ bytesIn: Number(row.bytesIn), bytesOut: Number(row.bytesOut) },
    latency: row.latency.map(Number),
  }))
}
