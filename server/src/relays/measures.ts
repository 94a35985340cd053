import type { Context } from '#kernel/context.ts'
import { getRelay } from './relays.ts'
import type { RelayMetrics, RelayUsage } from './schema.ts'

const MINUTE_MS = 60_000

/** Minute by minute, the oldest first; a minute without a beat is left out. @throws problem `relay.not_found` */
export async function relayMetrics(
  ctx: Context,
  id: string,
  minutes: number,
): Promise<RelayMetrics> {
  const rows = await minutesOf(ctx, id, minutes)
  const items = rows.map(({ relayId: _relay, minute, streams, ...row }) => ({
    ...{ ...row, minute: minute.toISOString(), connections: streams },
    ...{ requests: Number(row.requests), failures: Number(row.failures) },
    ...{ bytesIn: Number(row.bytesIn), bytesOut: Number(row.bytesOut) },
  }))
  return { id, items }
}

/** What it has carried, by its beats. @throws problem `relay.not_found` */
export async function relayUsage(ctx: Context, id: string, minutes: number): Promise<RelayUsage> {
  const rows = await minutesOf(ctx, id, minutes)
  const now = ctx.clock.now()
  const sum = (name: 'requests' | 'failures' | 'bytesIn' | 'bytesOut') =>
    rows.reduce((total, row) => total + Number(row[name]), 0)
  return {
    ...{ id, from: new Date(now.getTime() - minutes * MINUTE_MS).toISOString() },
    ...{ to: now.toISOString(), requests: sum('requests'), failures: sum('failures') },
    ...{ bytesIn: sum('bytesIn'), bytesOut: sum('bytesOut') },
  }
}

async function minutesOf(ctx: Context, id: string, minutes: number) {
  await getRelay(ctx, id)
  const since = new Date(ctx.clock.now().getTime() - minutes * MINUTE_MS)
  return ctx.db
    .selectFrom('relayMinutes')
    .selectAll()
    .where('relayId', '=', id)
    .where('minute', '>', since)
    .orderBy('minute')
    .execute()
}
