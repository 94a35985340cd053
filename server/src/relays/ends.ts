import type { Context } from '#kernel/context.ts'
import { closeAll } from './books.ts'
import { failed, stopped } from './events.ts'
import type { RelaysParts } from './parts.ts'
import { lockRelay, namesOf } from './relays.ts'
import { states } from './states.ts'
import type { RelayRow } from './tables.ts'

type Parts = Pick<RelaysParts, 'doorbell' | 'machines'>

/** Announces `relay.stopped`, once. */
export async function endRelay(ctx: Context, parts: Parts, id: string): Promise<RelayRow> {
  const row = await ctx.transaction(async (ctx) => {
    const before = await lockRelay(ctx, id)
    return before.status === 'stopped' ? before : endLocked(ctx, parts, before)
  })
  await closeAll(ctx, row)
  return row
}

/**
 * Ends one that has failed, or has gone by itself, and does not come back, or that was told to stop and does not. Announces
 * `relay.stopped` unless it has left in order; false for one that is back, or is not to end any more.
 */
export async function endLost(
  ctx: Context,
  parts: Parts,
  id: string,
  reason: string,
): Promise<boolean> {
  return ctx.transaction(async (ctx) => {
    const before = await lockRelay(ctx, id)
    const { status, errorMessage, drainUntil } = before
    const isAway = status === 'error' || status === 'stopped'
    const isLate = drainUntil !== null && drainUntil <= ctx.clock.now()
    if (!isAway && !isLate) return false
    const why = errorMessage ? `${errorMessage}; ${reason}` : reason
    await endLocked(ctx, parts, before, why)
    return true
  })
}

async function endLocked(
  ctx: Context,
  parts: Parts,
  { id, status, endedAt, errorMessage }: RelayRow,
  why = errorMessage,
): Promise<RelayRow> {
  const now = ctx.clock.now()
  const row = await ctx.db
    .updateTable('relays')
    .set({
      ...{ status: 'stopped', statusSince: now, endedAt: endedAt ?? now, credentialHash: null },
      ...{ goneAt: null, drainReason: null, drainUntil: null, errorMessage: why },
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  if (row.instanceId) await parts.machines.end(ctx, row.instanceId)
  if (status !== 'stopped') await ctx.events.emit(stopped, namesOf(row))
  ctx.afterCommit(() => parts.doorbell.ring('tunnels'))
  return row
}

/**
 * Announces `relay.error`; false for one that cannot fail any more. The machine of one that never came is ended with it: nobody would do
 * it later.
 */
export async function failRelay(
  ctx: Context,
  { machines }: Pick<Parts, 'machines'>,
  id: string,
  message: string,
): Promise<boolean> {
  return ctx.transaction(async (ctx) => {
    const { status } = await lockRelay(ctx, id)
    if (!states.allows(status, 'error')) return false
    const now = ctx.clock.now()
    const row = await ctx.db
      .updateTable('relays')
      .set({ status: 'error', statusSince: now, errorMessage: message, goneAt: now })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow()
    if (status === 'starting' && row.instanceId) await machines.end(ctx, row.instanceId)
    await ctx.events.emit(failed, { ...namesOf(row), message })
    return true
  })
}
