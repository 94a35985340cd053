import type { Context } from '#kernel/context.ts'
import { suspended, suspensionLifted } from '../events.ts'
import type { TunnelParts } from '../parts.ts'
import { problems } from '../problems.ts'
import { changing } from '../revision.ts'
import { lockTunnels, moveTunnel } from '../status.ts'
import type { TunnelRow } from '../tables.ts'
import { overseen } from './list.ts'
import type { OverseenTunnel, SuspendTunnel } from './schema.ts'

/**
 * Relays serve nobody from now on and cut what is under way; no agent may hold it open and its account can neither start nor delete it.
 * Announces `tunnel.suspended`, and `tunnel.disconnected` unless it was that.
 *
 * @throws problem `tunnel.not_found`, or `tunnel.wrong_state` when it is suspended: of two callers one wins
 */
export function suspendTunnel(
  ctx: Context,
  parts: TunnelParts,
  id: string,
  { reason }: SuspendTunnel,
): Promise<OverseenTunnel> {
  return changing(ctx, parts, async (ctx, revision) => {
    const row = await lockOne(ctx, id)
    if (row.suspendedAt) throw problems.wrongState({ id, state: 'suspended' })
    const facts = { suspendedAt: ctx.clock.now(), suspendedReason: reason }
    await ctx.db.deleteFrom('tunnelLinks').where('tunnelId', '=', id).execute()
    await save(ctx, id, { ...facts, revision })
    const acting = ctx.actingFor(row.accountId)
    await acting.events.emit(suspended, { id, name: row.name, reason })
    await moveTunnel(ctx, row, { to: 'disconnected', reason: 'suspended' })
    return overseen(ctx, parts, id)
  })
}

/**
 * It is as its account has it. Announces `tunnel.suspension_lifted`.
 *
 * @throws problem `tunnel.not_found`, or `tunnel.wrong_state` when it is not suspended: of two callers one wins
 */
export function liftSuspension(
  ctx: Context,
  parts: TunnelParts,
  id: string,
): Promise<OverseenTunnel> {
  return changing(ctx, parts, async (ctx, revision) => {
    const row = await lockOne(ctx, id)
    if (!row.suspendedAt) throw problems.wrongState({ id, state: 'free of suspension' })
    await save(ctx, id, { suspendedAt: null, suspendedReason: null, revision })
    await ctx.actingFor(row.accountId).events.emit(suspensionLifted, { id, name: row.name })
    return overseen(ctx, parts, id)
  })
}

async function lockOne(ctx: Context, id: string): Promise<TunnelRow> {
  const [row] = await lockTunnels(ctx, [id])
  if (!row) throw problems.notFound({ id })
  return row
}

async function save(
  { db }: Context,
  id: string,
  change: Pick<TunnelRow, 'suspendedAt' | 'suspendedReason' | 'revision'>,
): Promise<void> {
  await db.updateTable('tunnels').set(change).where('id', '=', id).execute()
}
