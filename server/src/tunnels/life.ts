import type { Context } from '#kernel/context.ts'
import { checkDomains } from './job-names.ts'
import { deleted, started, stopped } from './events.ts'
import type { TunnelParts } from './parts.ts'
import { problems } from './problems.ts'
import { findManageable, findOwn, show } from './read.ts'
import { changing } from './revision.ts'
import type { Tunnel } from './schema.ts'
import { lockTunnels, moveTunnel } from './status.ts'
import type { TunnelRow } from './tables.ts'

/**
 * Agents may hold it open again. Announces `tunnel.started`.
 *
 * @throws problem `tunnel.not_found`, `tunnel.suspended`, or `tunnel.wrong_state` when it is started: of two callers one wins
 */
export async function startTunnel(ctx: Context, parts: TunnelParts, id: string): Promise<Tunnel> {
  const { permission } = await findManageable(ctx, parts, id)
  return changing(ctx, parts, async (ctx, revision) => {
    const row = await turn(ctx, id, { started: true, revision })
    if (row.suspendedAt) throw problems.suspended({ id })
    const acting = ctx.actingFor(row.accountId)
    await acting.events.emit(started, { id, name: row.name })
    await ctx.jobs.send(checkDomains, { tunnelId: id })
    return shown(ctx, parts, id, permission)
  })
}

/**
 * Relays stop serving it at once, and no link of it stays. Announces `tunnel.stopped`, and `tunnel.disconnected` unless it was that.
 *
 * @throws problem `tunnel.not_found`, or `tunnel.wrong_state` when it is stopped: of two callers one wins
 */
export async function stopTunnel(ctx: Context, parts: TunnelParts, id: string): Promise<Tunnel> {
  const { permission } = await findManageable(ctx, parts, id)
  return changing(ctx, parts, async (ctx, revision) => {
    const row = await turn(ctx, id, { started: false, revision })
    await ctx.db.deleteFrom('tunnelLinks').where('tunnelId', '=', id).execute()
    const acting = ctx.actingFor(row.accountId)
    await acting.events.emit(stopped, { id, name: row.name })
    await moveTunnel(ctx, row, { to: 'disconnected', reason: 'stopped' })
    return shown(ctx, parts, id, permission)
  })
}

async function turn(
  ctx: Context,
  id: string,
  to: { started: boolean; revision: string },
): Promise<TunnelRow> {
  const row = await ctx.db
    .updateTable('tunnels')
    .set({ ...to, updatedAt: ctx.clock.now() })
    .where('id', '=', id)
    .where('deletedAt', 'is', null)
    .where('started', '=', !to.started)
    .returningAll()
    .executeTakeFirst()
  if (row) return row
  const [there] = await lockTunnels(ctx, [id])
  if (!there) throw problems.notFound({ id })
  if (there.suspendedAt && to.started) throw problems.suspended({ id })
  throw problems.wrongState({ id, state: to.started ? 'started' : 'stopped' })
}

async function shown(
  ctx: Context,
  parts: TunnelParts,
  id: string,
  permission: Tunnel['permission'],
): Promise<Tunnel> {
  const [row] = await lockTunnels(ctx, [id])
  return show(ctx, parts, row!, permission)
}

/**
 * Its name stays with the account. Announces `tunnel.deleted`.
 *
 * @throws problem `tunnel.not_found`, or `tunnel.suspended`: else a new one of the same name would serve
 */
export async function deleteTunnel(ctx: Context, parts: TunnelParts, id: string): Promise<void> {
  await changing(ctx, parts, async (ctx, revision) => {
    const { suspendedAt } = await findOwn(ctx, id)
    if (suspendedAt) throw problems.suspended({ id })
    await deleteRow(ctx, id, { revision, reason: 'asked' })
  })
}

/** For a caller of `changing`; of no effect when it is deleted already. */
export async function deleteRow(
  ctx: Context,
  id: string,
  { revision, reason }: { revision: string; reason: string },
): Promise<void> {
  const now = ctx.clock.now()
  const [row] = await lockTunnels(ctx, [id])
  if (!row) return
  await moveTunnel(ctx, row, { to: 'disconnected', reason: 'deleted' })
  for (const table of LEFT_BEHIND) {
    await ctx.db.deleteFrom(table).where('tunnelId', '=', id).execute()
  }
  await ctx.db
    .updateTable('tunnels')
    .set({ started: false, deletedAt: now, updatedAt: now, revision })
    .where('id', '=', id)
    .execute()
  await ctx.actingFor(row.accountId).events.emit(deleted, { id, name: row.name, reason })
}

/** What a deleted tunnel does not keep. */
const LEFT_BEHIND = [
  ...(['tunnelLinks', 'tunnelHolders', 'tunnelShares'] as const),
  ...(['tunnelDomains', 'tunnelEndpoints'] as const),
] as const
