import type { Context } from '#kernel/context.ts'
import { takeRoundLock } from '#kernel/round-lock.ts'
import { beginStopping, type Fleet, insertInstance } from './instance-changes.ts'
import { restartDrained } from './restart.ts'
import { syncMachines } from './machines.ts'
import { drainNode, undrainNode } from './drains.ts'
import { plan } from './plan.ts'
import type { Action, Facts } from './plan-types.ts'
import { readFailures, readMachines } from './plan-facts.ts'
import { readPool } from './pool.ts'
import { type Listing, type Provider, ProviderFailure } from './providers/provider.ts'
import type { PoolSettings } from './schema.ts'

const LIST_MS = 90_000
const MOST = 10_000

interface Listed extends Listing {
  provider: Provider
  listedAt: Date
}

/**
 * One round: asks the providers what there is, brings the rows in line with it, plans, and moves the rows; all of that in one
 * transaction, under a lock, so that of two rounds at once one acts. The calls that the moves lead to are jobs, queued in the same
 * transaction: what a crash has cut off is done later, or found by the next round. Returns what was planned.
 */
export async function reconcile(ctx: Context, fleet: Fleet): Promise<Action[]> {
  const load = await fleet.parts.load(ctx)
  const providers = [...fleet.parts.providers.values()]
  const listings = await Promise.all(providers.map((provider) => listMachines(ctx, provider)))
  const told = listings.filter((listing) => listing !== undefined)
  const done = await ctx.transaction(async (ctx) => {
    if (!(await takeRoundLock(ctx, 'fleet.reconcile'))) return undefined
    for (const listing of told) await keepListing(ctx, fleet, listing)
    await resend(ctx, fleet)
    const { settings, ...pool } = await readPool(ctx)
    const machines = await readMachines(ctx)
    const failures = await readFailures(ctx)
    const { lastScaleOutAt, lastScaleInAt } = pool
    const facts: Facts = { ...load, machines, failures, lastScaleOutAt, lastScaleInAt }
    const canAct = told.some((listed) => isHeard(listed, settings))
    const actions = plan(facts, settings, ctx.clock.now()).filter(
      // A provider that does not even list would launch twice what it has launched already.
      ({ kind }) => canAct || kind !== 'launch',
    )
    for (const action of actions) await act(ctx, fleet, settings, action)
    return { actions, targets: await targetsOf(ctx, told, settings) }
  })
  for (const { provider, wanted, unwanted } of done?.targets ?? []) {
    await scale(ctx, provider, wanted, unwanted)
  }
  return done?.actions ?? []
}

/** Whether the provider of the pool has answered, for the region where the pool launches. */
function isHeard({ provider, heard }: Listed, settings: PoolSettings): boolean {
  if (provider.name !== settings.provider) return false
  const region = settings.region ?? provider.regions?.[0]
  return !heard || !region || heard.includes(region)
}

async function listMachines(ctx: Context, provider: Provider): Promise<Listed | undefined> {
  const listedAt = ctx.clock.now()
  const complain = ({ message }: ProviderFailure) =>
    ctx.log.warn({ provider: provider.name, reason: message }, 'provider cannot be listed')
  try {
    const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(LIST_MS)])
    const listing = await provider.list(signal)
    listing.failures?.forEach(complain)
    return { ...listing, provider, listedAt }
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error
    complain(error)
    return undefined
  }
}

async function keepListing(ctx: Context, { jobs }: Fleet, listed: Listed): Promise<void> {
  const undead = await syncMachines(ctx, jobs, listed.provider, listed, listed.listedAt)
  for (const { instanceId, providerId, region = null } of undead) {
    ctx.log.warn({ instance: instanceId, providerId }, 'machine runs although it was terminated')
    if (!instanceId) continue
    await ctx.db
      .updateTable('fleetInstances')
      .set({ providerId, region })
      .where('id', '=', instanceId)
      .where('providerId', 'is', null)
      .execute()
    await ctx.jobs.send(jobs.terminate, { id: instanceId }, { uniqueKey: instanceId })
  }
}

/** Queues what may have been given up; a job that is queued already is queued once. */
async function resend(ctx: Context, { jobs }: Fleet): Promise<void> {
  const rows = await ctx.db
    .selectFrom('fleetInstances')
    .select(['id', 'status'])
    .where((where) =>
      where.or([
        where('status', '=', 'stopping'),
        where.and([where('status', '=', 'provisioning'), where('providerId', 'is', null)]),
      ]),
    )
    .limit(MOST)
    .execute()
  for (const { id, status } of rows) {
    const job = status === 'stopping' ? jobs.terminate : jobs.launch
    await ctx.jobs.send(job, { id }, { uniqueKey: id })
  }
}

async function act(ctx: Context, fleet: Fleet, settings: PoolSettings, action: Action) {
  switch (action.kind) {
    case 'launch':
      for (let n = 0; n < action.count; n++) await launch(ctx, fleet, settings)
      return notePool(ctx, 'lastScaleOutAt')
    case 'drain':
      await drainNode(ctx, action.id, action.reason)
      return notePool(ctx, 'lastScaleInAt')
    case 'restart':
      await restartDrained(ctx, fleet, action.id)
      return undefined
    case 'undrain':
      await undrainNode(ctx, action.id)
      return undefined
    case 'terminate':
      return terminate(ctx, fleet, action.id, action.reason)
  }
}

async function launch(ctx: Context, fleet: Fleet, settings: PoolSettings): Promise<void> {
  const { jobs, parts } = fleet
  const { provider, spot, instanceType = null } = settings
  const region = settings.region ?? parts.providers.get(provider)?.regions?.[0] ?? null
  const wanted = { tags: {}, spot, instanceType, region }
  const { id } = await insertInstance(ctx, provider, 'pool', wanted)
  await ctx.jobs.send(jobs.launch, { id }, { uniqueKey: id })
}

/** A machine whose node never joined counts as a launch that failed: the next ones wait longer. */
async function terminate(ctx: Context, { jobs }: Fleet, id: string, reason: string): Promise<void> {
  if (reason === 'never_joined') {
    await ctx.db
      .updateTable('fleetInstances')
      .set({ failedAt: ctx.clock.now(), errorMessage: 'its node did not join in time' })
      .where('id', '=', id)
      .execute()
  }
  await beginStopping(ctx, jobs, id, reason)
}

async function notePool(ctx: Context, column: 'lastScaleOutAt' | 'lastScaleInAt'): Promise<void> {
  await ctx.db
    .updateTable('fleetPool')
    .set({ [column]: ctx.clock.now() })
    .execute()
}

/** How many machines a provider that counts should have; nothing while the pool is off and nobody asked for one. */
async function targetsOf(ctx: Context, listings: readonly Listed[], { max }: PoolSettings) {
  const scaled = listings.flatMap(({ provider }) => (provider.kind === 'scaled' ? [provider] : []))
  const targets = scaled.map(async (provider) => {
    const rows = await ctx.db
      .selectFrom('fleetInstances')
      .select(['status', 'providerId'])
      .where('provider', '=', provider.name)
      .where('managed', '=', true)
      .where('status', 'in', ['provisioning', 'running', 'stopping'])
      .execute()
    const stopping = rows.filter(({ status }) => status === 'stopping')
    const isOurs = max > 0 || stopping.length > 0 || rows.some(({ providerId }) => !providerId)
    const unwanted = stopping.flatMap(({ providerId }) => providerId ?? [])
    return isOurs ? [{ provider, unwanted, wanted: rows.length - stopping.length }] : []
  })
  return (await Promise.all(targets)).flat()
}

async function scale(
  ctx: Context,
  provider: Extract<Provider, { kind: 'scaled' }>,
  wanted: number,
  unwanted: readonly string[],
): Promise<void> {
  try {
    await provider.scale(wanted, unwanted, ctx.signal)
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error
    ctx.log.warn({ provider: provider.name, reason: error.message }, 'pool could not be scaled')
  }
}
