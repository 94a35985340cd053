import type { Context } from '#kernel/context.ts'
import { poolChanged } from './events.ts'
import type { FleetParts } from './parts.ts'
import { problems } from './problems.ts'
import { regionOf } from './regions.ts'
import { type Pool, PoolSettings, type PutPool } from './schema.ts'
import { statusOf } from './present.ts'
import type { PoolRow } from './tables.ts'

const DEFAULTS = PoolSettings.parse({})

export async function readPool(ctx: Context): Promise<PoolRow & { settings: PoolSettings }> {
  const row = await ctx.db.selectFrom('fleetPool').selectAll().executeTakeFirstOrThrow()
  // What an older version has stored may not fit any more.
  const stored = PoolSettings.safeParse(row.settings)
  return { ...row, settings: stored.success ? stored.data : DEFAULTS }
}

export async function showPool(ctx: Context): Promise<Pool> {
  const { settings, version, updatedAt, updatedBy } = await readPool(ctx)
  const machines = await countMachines(ctx)
  return { ...settings, version, updatedBy, updatedAt: updatedAt.toISOString(), machines }
}

/**
 * Changes what the pool should be; the next round begins to make it so. Announces `pool.changed`.
 *
 * @throws problem `fleet.pool_changed` when `version` is given and is not the present one; for a region that is not set up,
 *   `fleet.unknown_region` or `fleet.provider_missing`
 */
export async function putPool(
  ctx: Context,
  { providers }: Pick<FleetParts, 'providers'>,
  input: PutPool,
): Promise<Pool> {
  const {
    version: written,
    updatedAt: _at,
    updatedBy: _by,
    machines: _machines,
    ...settings
  } = input
  if (settings.region !== undefined) {
    const provider = providers.get(settings.provider)
    if (!provider) throw problems.providerMissing({ provider: settings.provider })
    regionOf(provider, settings.region)
  }
  return ctx.transaction(async (ctx) => {
    const before = await readPool(ctx)
    const row = await ctx.db
      .updateTable('fleetPool')
      .set((row) => ({
        settings: JSON.stringify(settings),
        version: row('version', '+', 1),
        updatedAt: ctx.clock.now(),
        updatedBy: 'userId' in ctx.actor ? ctx.actor.userId : null,
      }))
      .$if(written !== undefined, (query) => query.where('version', '=', written!))
      .returning('version')
      .executeTakeFirst()
    if (!row) throw problems.poolChanged({ version: before.version, written })
    const { version } = row
    await ctx.events.emit(poolChanged, { version, before: before.settings, after: settings })
    return showPool(ctx)
  })
}

async function countMachines(ctx: Context): Promise<Pool['machines']> {
  const rows = await ctx.db
    .selectFrom('fleetInstances')
    .leftJoin('fleetNodes', 'fleetNodes.instanceId', 'fleetInstances.id')
    .select(['fleetInstances.status', 'goneAt', 'leftAt', 'drainReason', 'isDraining'])
    .select('fleetNodes.id')
    .where('purpose', '=', 'pool')
    .where('fleetInstances.status', 'in', ['provisioning', 'running', 'stopping'])
    .execute()
  const machines = { provisioning: 0, ready: 0, draining: 0, unhealthy: 0, stopping: 0 }
  for (const { status, id, isDraining, ...row } of rows) {
    if (status === 'stopping') machines.stopping++
    else if (id === null) machines.provisioning++
    else {
      const node = statusOf({ ...row, isDraining: isDraining === true })
      machines[node === 'ready' || node === 'draining' ? node : 'unhealthy']++
    }
  }
  return machines
}
