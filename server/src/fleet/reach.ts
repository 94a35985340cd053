import type { Context } from '#kernel/context.ts'
import { readPool } from './pool.ts'

/** A node in another process, as it has to be reached. */
export interface Reachable {
  instanceId: string
  url: string
  fingerprint: string
  /** Sessions that it could take, by its last beat. */
  free: number
}

const MOST = 1_000

/** Every node that has not gone and is not in the process of an API. */
export async function reachableNodes(ctx: Context): Promise<Reachable[]> {
  const rows = await ctx.db
    .selectFrom('fleetNodes')
    .select(['instanceId', 'url', 'fingerprint', 'capacity', 'sessions', 'isDraining'])
    .where('goneAt', 'is', null)
    .where('url', 'is not', null)
    .where('fingerprint', 'is not', null)
    .limit(MOST)
    .execute()
  return rows.map(({ instanceId, url, fingerprint, capacity, sessions, isDraining }) => ({
    ...{ instanceId, url: url!, fingerprint: fingerprint! },
    free: isDraining ? 0 : Math.max(0, capacity - sessions),
  }))
}

/** Whether any machine but this one had the disk for another session at its last beat; one that is full otherwise may have it soon. */
export async function isDiskLeft(ctx: Context, except = ''): Promise<boolean> {
  const node = await ctx.db
    .selectFrom('fleetNodes')
    .select('id')
    .where('goneAt', 'is', null)
    .where('isDiskFull', '=', false)
    .where('instanceId', '<>', except)
    .limit(1)
    .executeTakeFirst()
  return node !== undefined
}

/** Whether the pool may launch machines, so that a session may wait where there is none yet. */
export async function poolMayGrow(ctx: Context): Promise<boolean> {
  return (await readPool(ctx)).settings.max > 0
}
