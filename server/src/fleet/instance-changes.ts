import type { Context } from '#kernel/context.ts'
import { requested, stopping } from './events.ts'
import { findInstance, shown } from './instances.ts'
import type { FleetJobs } from './job-kinds.ts'
import { drainToLeave } from './drains.ts'
import type { FleetParts } from './parts.ts'
import { problems } from './problems.ts'
import type { ProviderName } from './providers/provider.ts'
import type { Instance } from './schema.ts'
import { states } from './states.ts'
import type { InstanceRow, Purpose } from './tables.ts'

const MOST_INSTANCES = 5_000

/** What a service needs beside the context. */
export interface Fleet {
  parts: FleetParts
  jobs: FleetJobs
}

interface Wanted {
  tags: Record<string, string>
  spot: boolean
  instanceType?: string | null
  region?: string | null
  assignedToUserId?: string
  assignedToAccountId?: string
  terminateAfterIdleMinutes?: number
}

/** A row for a machine that is yet to be launched, and its event; the caller queues the launch. */
export async function insertInstance(
  ctx: Context,
  provider: ProviderName,
  purpose: Purpose,
  { tags, ...wanted }: Wanted,
): Promise<InstanceRow> {
  const { count } = await ctx.db
    .selectFrom('fleetInstances')
    .select((row) => row.fn.countAll<string>().as('count'))
    .where('status', '<>', 'terminated')
    .executeTakeFirstOrThrow()
  if (Number(count) >= MOST_INSTANCES) throw problems.tooMany({ count, limit: MOST_INSTANCES })
  const now = ctx.clock.now()
  const row = await ctx.db
    .insertInto('fleetInstances')
    .values({
      ...{ id: ctx.newId('ins'), provider, purpose, status: 'provisioning', ...wanted },
      ...{ tags: JSON.stringify(tags), createdAt: now, lastActivityAt: now },
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await ctx.events.emit(requested, { id: row.id, provider, purpose })
  return row
}

/**
 * Begins to end a machine; its sessions are lost, or with `drain` end first: a later round then ends it. Returns it as `stopping` unless
 * it drains, and once more the same for one that is that already.
 *
 * @throws problem `fleet.instance_not_found`, `fleet.builtin_machine` or `fleet.wrong_state`
 */
export async function terminateInstance(
  ctx: Context,
  { jobs }: Fleet,
  id: string,
  { only, drain = false }: { only?: ProviderName | undefined; drain?: boolean } = {},
): Promise<Instance> {
  const found = await findInstance(ctx, id, { provider: only })
  if (found.builtin) throw problems.builtinMachine({ id: found.id, action: 'terminate' })
  const row = await ctx.transaction(async (ctx) => {
    const drains =
      drain && found.status === 'running' && (await drainToLeave(ctx, found.id, 'ending'))
    return drains ? found : beginStopping(ctx, jobs, found.id, 'asked')
  })
  if (row) return shown(ctx, row)
  const now = await findInstance(ctx, found.id)
  if (now.status === 'stopping') return shown(ctx, now)
  throw problems.wrongState({ id: found.id, status: now.status, wanted: 'provisioning or running' })
}

/** Moves a row to `stopping` and queues the end of its machine; nothing when it had been moved before. */
export async function beginStopping(
  ctx: Context,
  jobs: FleetJobs,
  id: string,
  reason: string,
): Promise<InstanceRow | undefined> {
  const row = await ctx.db
    .updateTable('fleetInstances')
    .set({ status: 'stopping' })
    .where('id', '=', id)
    .where('builtin', '=', false)
    .where('status', 'in', states.from('stopping'))
    .returningAll()
    .executeTakeFirst()
  if (!row) return undefined
  await ctx.events.emit(stopping, { id, provider: row.provider, reason })
  await ctx.jobs.send(jobs.terminate, { id }, { uniqueKey: id })
  return row
}
