import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineJob, type JobRun } from '#kernel/jobs.ts'
import { failed, launched } from './events.ts'
import { purgeTokens, tokenOfInstance } from './join-tokens.ts'
import { type FleetJobs, Of } from './job-kinds.ts'
import { refOf } from './instances.ts'
import { endRow, namesOf } from './machine-end.ts'
import type { FleetParts, Running } from './parts.ts'
import { type Machine, type MachineProvider, ProviderFailure } from './providers/provider.ts'
import { states } from './states.ts'
import type { InstanceRow } from './tables.ts'

/** Waits grow from 1 s, with jitter: all tries take some minutes. */
const RETRIES = 8

/** Every call of a provider that changes something is made by one of these. Each may run twice. */
export function fleetJobs(running: Running): FleetJobs {
  const limits = { input: Of, retryLimit: RETRIES, timeoutSeconds: 300, concurrency: 4 }
  const endSessions = defineJob({
    name: 'fleet.end_sessions',
    summary: 'End the sessions of a node that is gone',
    input: Of,
    retryLimit: 20,
    run: (ctx, { id }) => endSessionsOf(ctx, running(), id),
  })
  const terminate = defineJob({
    ...{ ...limits, name: 'fleet.terminate_instance', summary: 'Terminate a machine' },
    run: (ctx, { id }) => terminateMachine(ctx, running(), { endSessions }, id),
  })
  return {
    terminate,
    endSessions,
    launch: defineJob({
      ...{ ...limits, name: 'fleet.launch_instance', summary: 'Launch a machine' },
      run: (ctx, { id }, run) => launchMachine(ctx, running(), terminate, id, run),
    }),
    restart: defineJob({
      ...{ ...limits, name: 'fleet.restart_instance', summary: 'Restart a machine' },
      run: (ctx, { id }, run) => restartMachine(ctx, running(), id, run),
    }),
    purge: defineJob({
      name: 'fleet.purge_tokens',
      summary: 'Delete the join tokens that have expired',
      input: z.strictObject({}),
      cron: '37 3 * * *',
      run: (ctx) => purgeTokens(ctx),
    }),
  }
}

async function launchMachine(
  ctx: Context,
  parts: FleetParts,
  terminate: FleetJobs['terminate'],
  id: string,
  run: JobRun,
): Promise<void> {
  const row = await readRow(ctx, id)
  const provider = parts.providers.get(row.provider)
  // A provider that keeps a number of machines is told by the next round.
  if (row.status !== 'provisioning' || row.providerId || provider?.kind === 'scaled') return
  try {
    if (!provider) throw new ProviderFailure('refused', `${row.provider} is not set up here`)
    const { purpose, instanceType, region, spot, tags } = row
    const joinToken = await tokenOfInstance(ctx, parts, id)
    const wanted = { instanceId: id, purpose, spot, tags, joinToken }
    const spec = { ...wanted, ...(instanceType && { instanceType }), ...(region && { region }) }
    await keepLaunched(ctx, terminate, id, await provider.launch(spec, ctx.signal))
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error
    if (error.mayPass && run.retries < RETRIES) throw error
    await failRow(ctx, row, error)
  }
}

/** The provider has made it; if somebody has ended it meanwhile, it is ended now. */
async function keepLaunched(
  ctx: Context,
  terminate: FleetJobs['terminate'],
  id: string,
  machine: Machine,
): Promise<void> {
  const now = ctx.clock.now()
  await ctx.transaction(async (ctx) => {
    const row = await ctx.db
      .updateTable('fleetInstances')
      .set({
        providerId: machine.providerId,
        region: machine.region ?? null,
        privateIpAddress: machine.privateIpAddress ?? null,
        ...(machine.instanceType && { instanceType: machine.instanceType }),
        ...{ launchedAt: machine.launchedAt ?? now, errorMessage: null },
      })
      .where('id', '=', id)
      .where('providerId', 'is', null)
      .returningAll()
      .executeTakeFirst()
    if (!row) return
    await ctx.events.emit(launched, namesOf(row))
    if (row.status === 'stopping' || row.status === 'terminated') {
      await ctx.jobs.send(terminate, { id })
    }
  })
}

async function failRow(ctx: Context, { id, provider }: InstanceRow, error: Error): Promise<void> {
  const { message } = error
  await ctx.transaction(async (ctx) => {
    const row = await ctx.db
      .updateTable('fleetInstances')
      .set({ status: 'error', errorMessage: message, failedAt: ctx.clock.now() })
      .where('id', '=', id)
      .where('status', 'in', states.from('error'))
      .where('providerId', 'is', null)
      .returning('id')
      .executeTakeFirst()
    if (row) await ctx.events.emit(failed, { id, provider, message })
  })
  ctx.log.error({ instance: id, provider, reason: message }, 'machine could not be launched')
}

/** The row ends when the provider's list says that the machine has; at once where there is nothing to end. */
async function terminateMachine(
  ctx: Context,
  parts: FleetParts,
  jobs: Pick<FleetJobs, 'endSessions'>,
  id: string,
): Promise<void> {
  const row = await readRow(ctx, id)
  if (row.builtin || (row.status !== 'stopping' && row.status !== 'terminated')) return
  await parts.endSessions(ctx, id)
  const provider = parts.providers.get(row.provider)
  if (!row.managed) return endRow(ctx, jobs, row)
  if (provider?.kind === 'scaled') {
    if (!row.providerId) await endRow(ctx, jobs, row)
    return
  }
  if (!provider) throw new Error(`${row.provider} is not set up here`)
  try {
    await end(ctx, jobs, provider, row)
  } catch (error) {
    if (!(error instanceof ProviderFailure) || error.reason !== 'not_ours') throw error
    ctx.log.error({ instance: id, reason: error.message }, 'machine is left alone')
    await endRow(ctx, jobs, row)
  }
}

async function end(
  ctx: Context,
  jobs: Pick<FleetJobs, 'endSessions'>,
  provider: MachineProvider,
  row: InstanceRow,
): Promise<void> {
  const { signal } = ctx
  const there = row.providerId ? refOf(row) : await lookUp(provider, row, signal)
  if (there) await provider.terminate(there, signal)
  const machine = there && (await provider.describe(there, signal))
  if (!machine || machine.state === 'gone') await endRow(ctx, jobs, row)
}

/** A launch whose answer was lost may have made it. */
async function lookUp(
  provider: MachineProvider,
  { id, region }: InstanceRow,
  signal: AbortSignal,
): Promise<Machine | undefined> {
  const { machines, heard } = await provider.list(signal)
  const found = machines.find(({ instanceId, state }) => instanceId === id && state !== 'gone')
  const isSilent = region && provider.regions?.includes(region) && !heard?.includes(region)
  if (!found && isSilent) throw new ProviderFailure('unavailable', `${region} cannot be listed`)
  return found
}

async function restartMachine(ctx: Context, parts: FleetParts, id: string, run: JobRun) {
  const row = await readRow(ctx, id)
  const provider = parts.providers.get(row.provider)
  if (row.status !== 'running' || !row.providerId || !provider) return
  try {
    await provider.restart(refOf(row), ctx.signal)
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error
    if (error.mayPass && run.retries < RETRIES) throw error
    const { message } = error
    await ctx.transaction(async (ctx) => {
      await ctx.db
        .updateTable('fleetInstances')
        .set({ errorMessage: message })
        .where('id', '=', id)
        .execute()
      await ctx.db
        .updateTable('fleetNodes')
        .set({ drainReason: null, drainingSince: ctx.clock.now() })
        .where('instanceId', '=', id)
        .where('drainReason', '=', 'rebooting')
        .execute()
      await ctx.events.emit(failed, { id, provider: row.provider, message })
    })
  }
}

/** Not when the node has come back meanwhile: its beat tells it what has ended. */
async function endSessionsOf(ctx: Context, parts: FleetParts, id: string): Promise<void> {
  const node = await ctx.db
    .selectFrom('fleetNodes')
    .select(['instanceId', 'goneAt'])
    .where('id', '=', id)
    .executeTakeFirst()
  if (node?.goneAt) await parts.endSessions(ctx, node.instanceId)
}

async function readRow(ctx: Context, id: string): Promise<InstanceRow> {
  return ctx.db
    .selectFrom('fleetInstances')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
}
