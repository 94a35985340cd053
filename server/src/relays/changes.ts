import type { Context } from '#kernel/context.ts'
import { endRelay } from './ends.ts'
import { draining, started, undrained } from './events.ts'
import type { RelaysParts } from './parts.ts'
import { problems } from './problems.ts'
import { getRelay, lockRelay, namesOf } from './relays.ts'
import { type DrainReason, type RelayProvider, states } from './states.ts'
import type { RelayRow } from './tables.ts'

type Parts = Pick<RelaysParts, 'doorbell' | 'machines'>

/** What is then still under way is cut. */
export const DRAIN_MS = 5 * 60_000

export interface Wanted {
  provider?: RelayProvider | undefined
  name?: string | undefined
}

/**
 * Asks for a new relay on a machine of the fleet; it joins when its process is up. Announces `relay.started`.
 *
 * @throws problem `relay.provider_cannot_start`, or one of the fleet's
 */
export async function startRelay(
  ctx: Context,
  { machines }: Parts,
  { provider = 'local', name }: Wanted,
): Promise<RelayRow> {
  const reason = machines.refuses(provider)
  if (reason) throw problems.noProvider({ provider, reason })
  return ctx.transaction(async (ctx) => {
    const { instanceId } = await machines.launch(ctx, provider)
    const now = ctx.clock.now()
    const id = ctx.newId('rel')
    const row = await ctx.db
      .insertInto('relays')
      .values({
        ...{ id, provider, instanceId, name: name ?? id.slice(-8), status: 'starting' },
        ...{ statusSince: now, startedAt: now, createdAt: now, config: '{}', facts: '{}' },
      })
      .returningAll()
      .executeTakeFirstOrThrow()
    await ctx.remember(row.id)
    await ctx.events.emit(started, namesOf(row))
    return row
  })
}

/**
 * Starts one again that was stopped, or has failed: as it was configured, on a new machine. One that is there is left as it is, and one
 * that was to end is not to end any more.
 *
 * @throws problem `relay.not_found`, `relay.not_ours_to_start` or `relay.provider_cannot_start`
 */
export async function startAgain(ctx: Context, parts: Parts, id: string): Promise<RelayRow> {
  const found = await getRelay(ctx, id)
  const isThere = found.status !== 'stopped' && found.status !== 'error'
  if (isThere || found.provider === 'builtin') return undrainRelay(ctx, parts, id)
  const { provider } = found
  if (provider === 'joined') throw problems.notOurs({ id })
  const reason = parts.machines.refuses(provider)
  if (reason) throw problems.noProvider({ provider, reason })
  return ctx.transaction(async (ctx) => {
    const before = await lockRelay(ctx, id)
    if (!states.allows(before.status, 'starting')) return before
    if (before.instanceId) await parts.machines.end(ctx, before.instanceId)
    const { instanceId } = await parts.machines.launch(ctx, provider)
    const now = ctx.clock.now()
    const row = await ctx.db
      .updateTable('relays')
      .set({
        ...{ status: 'starting', statusSince: now, startedAt: now, instanceId },
        ...{ fingerprint: null, credentialHash: null, internalUrl: null, url: null },
        ...{ goneAt: null, endedAt: null, errorMessage: null, drainReason: null, drainUntil: null },
      })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow()
    await ctx.events.emit(started, namesOf(row))
    return row
  })
}

/**
 * Lets a relay take no new links. It tells its agents first, which go to other relays; what is under way goes on. With a reason other
 * than `asked` it ends once nothing is, and in 5 minutes at the latest. Announces `relay.draining`.
 *
 * @throws problem `relay.not_found`, or `relay.wrong_state` for one that has ended
 */
export async function drainRelay(
  ctx: Context,
  parts: Parts,
  id: string,
  reason: DrainReason,
  { within = DRAIN_MS }: { within?: number } = {},
): Promise<RelayRow> {
  return ctx.transaction(async (ctx) => {
    const before = await lockRelay(ctx, id)
    const { status } = before
    if (status === 'stopped') {
      if (reason !== 'asked') return before
      throw problems.wrongState({ id, status, wanted: 'running' })
    }
    const now = ctx.clock.now()
    const drainUntil = reason === 'asked' ? null : new Date(now.getTime() + within)
    if (!isStronger(reason, drainUntil, before)) return before
    const row = await ctx.db
      .updateTable('relays')
      .set({
        ...{ drainReason: reason, drainUntil },
        ...(status === 'running' && { status: 'draining' as const, statusSince: now }),
      })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow()
    await ctx.events.emit(draining, { ...namesOf(row), reason })
    ctx.afterCommit(() => parts.doorbell.ring('tunnels'))
    return row
  })
}

const STRENGTHS = ['leaving', 'asked', 'surplus', 'stopping'] as const

/** What is to end is not kept by being drained once more; it may be to end sooner. */
function isStronger(reason: DrainReason, until: Date | null, before: RelayRow): boolean {
  const { drainReason, drainUntil } = before
  if (!drainReason) return true
  const strength = STRENGTHS.indexOf(reason) - STRENGTHS.indexOf(drainReason)
  return (
    strength > 0 || (strength === 0 && until !== null && drainUntil !== null && until < drainUntil)
  )
}

/** Lets it take links again, and stay if it was to end. Announces `relay.undrained`. */
export async function undrainRelay(ctx: Context, parts: Parts, id: string): Promise<RelayRow> {
  return ctx.transaction(async (ctx) => {
    const before = await lockRelay(ctx, id)
    const { status, provider, drainReason } = before
    const isStopped = status === 'stopped'
    if (isStopped && provider !== 'builtin') {
      throw problems.wrongState({ id, status, wanted: 'running or draining' })
    }
    // Nobody keeps a process that goes by itself.
    if ((!drainReason && !isStopped) || drainReason === 'leaving') return before
    const comesBack = status === 'draining' || isStopped
    const row = await ctx.db
      .updateTable('relays')
      .set({
        ...{ drainReason: null, drainUntil: null },
        ...(comesBack && { status: 'running' as const, statusSince: ctx.clock.now() }),
      })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow()
    await ctx.events.emit(undrained, namesOf(row))
    ctx.afterCommit(() => parts.doorbell.ring('tunnels'))
    return row
  })
}

/**
 * Ends a relay: with `drain` once nothing is under way, otherwise at once, and what is under way is cut. One that does not live any more
 * has ended with that.
 *
 * @throws problem `relay.not_found`
 */
export async function stopRelay(
  ctx: Context,
  parts: Parts,
  id: string,
  { drain = true }: { drain?: boolean } = {},
): Promise<RelayRow> {
  const { status } = await getRelay(ctx, id)
  const lives = status === 'running' || status === 'draining'
  if (lives) return drainRelay(ctx, parts, id, 'stopping', { within: drain ? DRAIN_MS : 0 })
  return endRelay(ctx, parts, id)
}
