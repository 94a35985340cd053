import type { Context } from '#kernel/context.ts'
import { restarted } from './events.ts'
import type { Fleet } from './instance-changes.ts'
import { findInstance, shown } from './instances.ts'
import type { FleetJobs } from './job-kinds.ts'
import { drainToLeave } from './drains.ts'
import { namesOf } from './machine-end.ts'
import { providerOf } from './launch.ts'
import { problems } from './problems.ts'
import type { ProviderName } from './providers/provider.ts'
import type { Instance } from './schema.ts'
import type { InstanceRow } from './tables.ts'

/**
 * Restarts a machine that runs; its sessions are lost, or with `drain` end first: a later round then restarts it.
 *
 * @throws problem `fleet.builtin_machine`, `fleet.provider_refuses`, `fleet.provider_missing` or `fleet.wrong_state`
 */
export async function restartInstance(
  ctx: Context,
  { parts, jobs }: Fleet,
  id: string,
  { only, drain = false }: { only?: ProviderName | undefined; drain?: boolean } = {},
): Promise<Instance> {
  const found = await findInstance(ctx, id, { provider: only })
  const { provider } = found
  if (found.builtin) throw problems.builtinMachine({ id: found.id, action: 'restart' })
  const { restart } = found.managed ? providerOf(parts, provider).refuses : JOINED
  if (restart) throw problems.providerRefuses({ provider, action: 'restart it', reason: restart })
  return ctx.transaction(async (ctx) => {
    const isDraining =
      drain && isRunning(found) && (await drainToLeave(ctx, found.id, 'restarting'))
    if (isDraining) return shown(ctx, found)
    const row = await beginRestart(ctx, jobs, found.id)
    if (!row) throw problems.wrongState({ id: found.id, status: found.status, wanted: 'running' })
    return shown(ctx, row)
  })
}

const JOINED = { restart: 'it has joined by itself' }

function isRunning({ status, providerId }: InstanceRow): boolean {
  return status === 'running' && providerId !== null
}

/** For a machine whose sessions have ended. It takes none before its node has come back and says that it does not drain. */
export async function restartDrained(ctx: Context, { jobs }: Fleet, id: string): Promise<void> {
  const row = await beginRestart(ctx, jobs, id)
  await ctx.db
    .updateTable('fleetNodes')
    .set({ drainReason: row ? 'rebooting' : null })
    .where('instanceId', '=', id)
    .where('drainReason', '=', 'restarting')
    .execute()
}

/** Queues the restart and announces it; nothing unless the machine runs. */
async function beginRestart(
  ctx: Context,
  jobs: Pick<FleetJobs, 'restart'>,
  id: string,
): Promise<InstanceRow | undefined> {
  const now = ctx.clock.now()
  const row = await ctx.db
    .updateTable('fleetInstances')
    .set({ restartedAt: now, lastActivityAt: now })
    .where('id', '=', id)
    .where('status', '=', 'running')
    .where('providerId', 'is not', null)
    .returningAll()
    .executeTakeFirst()
  if (!row) return undefined
  await ctx.events.emit(restarted, namesOf(row))
  await ctx.jobs.send(jobs.restart, { id }, { uniqueKey: id })
  return row
}
