import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { TunnelMetrics } from '../schema.ts'
import type { Counts } from './counts.ts'
import { summed } from './totals.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** What the tunnels have carried in the last 24 hours; those that are left out have carried nothing. */
export async function recentMetrics(
  { db, clock }: Context,
  tunnelIds: readonly string[],
): Promise<Map<string, TunnelMetrics>> {
  const from = new Date(clock.now().getTime() - DAY_MS)
  const { rows } = await sql<Counts & { id: string }>`
    select tunnel_id as id, ${summed} from tunnel_usage
    where tunnel_id = any(${tunnelIds}) and at > ${from} group by tunnel_id`.execute(db)
  return new Map(
    rows.map(({ id, requests, failures, bytesIn, bytesOut }) => [
      id,
      { requests, failures, bytesIn, bytesOut },
    ]),
  )
}
