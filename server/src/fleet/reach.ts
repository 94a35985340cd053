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

/** Whether the pool may launch machines, so that a session may wait where there is none yet. */
export async function poolMayGrow(ctx: Context): Promise<boolean> {
  return (await readPool(ctx)).settings.max > 0
}
