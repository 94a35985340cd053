import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { Facts, MachineFact } from './plan-types.ts'

const MOST = 10_000
const FAILURES_COUNT_MS = 60 * 60_000

/** Every machine that has not ended, as the plan sees it. */
export async function readMachines(ctx: Context): Promise<MachineFact[]> {
  const rows = await ctx.db
    .selectFrom('fleetInstances')
    .leftJoin('fleetNodes', 'fleetNodes.instanceId', 'fleetInstances.id')
    .selectAll('fleetInstances')
    .select([
      'goneAt',
      'drainReason',
      'isDraining',
      'drainingSince',
      'sessions',
      'capacity',
      'joinedAt',
    ])
    .where('status', '<>', 'terminated')
    .orderBy('fleetInstances.createdAt')
    .limit(MOST)
    .execute()
  return rows.map((row) => ({
    id: row.id,
    status: row.status as MachineFact['status'],
    managed: row.managed,
    pooled: row.purpose === 'pool',
    assigned: row.assignedToUserId !== null || row.assignedToAccountId !== null,
    terminateAfterIdleMinutes: row.terminateAfterIdleMinutes,
    startedAt: row.restartedAt ?? row.launchedAt ?? row.createdAt,
    lastActivityAt: row.lastActivityAt,
    isUnhealthy: row.providerHealth === 'unhealthy',
    ...(row.joinedAt && {
      node: {
        goneSince: row.goneAt,
        drainReason: row.drainReason,
        knowsItDrains: row.isDraining === true,
        drainingSince: row.drainingSince,
        sessions: row.sessions ?? 0,
        capacity: row.capacity ?? 0,
      },
    }),
  }))
}

/** Launches of the pool that failed in the last hour, after the last one whose node joined. */
export async function readFailures(ctx: Context): Promise<Facts['failures']> {
  const since = new Date(ctx.clock.now().getTime() - FAILURES_COUNT_MS)
  const { count, lastAt } = await ctx.db
    .selectFrom('fleetInstances')
    .select((row) => [row.fn.countAll<string>().as('count'), row.fn.max('failedAt').as('lastAt')])
    .where('purpose', '=', 'pool')
    .where('failedAt', '>', since)
    .where(sql<boolean>`failed_at > coalesce((
      select max(fleet_nodes.joined_at) from fleet_nodes
      join fleet_instances as joined on joined.id = fleet_nodes.instance_id and joined.purpose = 'pool'
    ), '-infinity')`)
    .executeTakeFirstOrThrow()
  return { count: Number(count), lastAt }
}
