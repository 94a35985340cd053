import type { Context } from '#kernel/context.ts'
import { connected, connecting, disconnected, failed } from './events.ts'
import { states, type TunnelState } from './states.ts'
import type { TunnelRow } from './tables.ts'

/** Why nobody holds a tunnel open any more. */
export type Reason =
  | 'stopped'
  | 'suspended'
  | 'link_lost'
  | 'relay_gone'
  | 'no_link'
  | 'refused'
  | 'deleted'

type Move =
  | { to: 'connecting'; agent: string; epoch: number }
  | { to: 'connected'; agent?: string; relayId?: string }
  | { to: 'disconnected'; reason: Reason }
  | { to: 'error'; message: string }

/**
 * Moves a tunnel that the caller's transaction has locked; of no effect when it is there already, or may not go there. Announces
 * `tunnel.connecting`, `.connected`, `.disconnected` or `.error`.
 */
export async function moveTunnel(
  ctx: Context,
  { id, name, status, accountId }: Pick<TunnelRow, 'id' | 'name' | 'status' | 'accountId'>,
  move: Move,
): Promise<boolean> {
  if (status === move.to || !states.allows(status, move.to)) return false
  const now = ctx.clock.now()
  const { numUpdatedRows } = await ctx.db
    .updateTable('tunnels')
    .set({
      ...{ status: move.to, statusSince: now },
      errorMessage: move.to === 'error' ? move.message : null,
    })
    .where('id', '=', id)
    .where('status', '=', status)
    .executeTakeFirstOrThrow()
  if (numUpdatedRows === 0n) return false
  await announce(ctx.actingFor(accountId), { id, name }, move)
  return true
}

async function announce(ctx: Context, tunnel: { id: string; name: string }, move: Move) {
  const { to, ...facts } = move
  switch (to) {
    case 'connecting':
      return ctx.events.emit(connecting, { ...tunnel, ...(facts as Facts<'connecting'>) })
    case 'connected':
      return ctx.events.emit(connected, { ...tunnel, ...(facts as Facts<'connected'>) })
    case 'disconnected':
      return ctx.events.emit(disconnected, { ...tunnel, ...(facts as Facts<'disconnected'>) })
    case 'error':
      return ctx.events.emit(failed, { ...tunnel, ...(facts as Facts<'error'>) })
  }
}

type Facts<To extends TunnelState> = Omit<Extract<Move, { to: To }>, 'to'>

/** The rows of tunnels that are there, locked in one order until the transaction ends. */
export async function lockTunnels(ctx: Context, ids: readonly string[]): Promise<TunnelRow[]> {
  if (ids.length === 0) return []
  return ctx.db
    .selectFrom('tunnels')
    .selectAll()
    .where('id', 'in', ids)
    .where('deletedAt', 'is', null)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
}

export interface Links {
  count: number
  /** Why none of their relays can open the port of the tunnel; null when one has it open, or none is needed. */
  portError: string | null
}

/** What links each of the tunnels has; those without any are left out. */
export async function linksOf(ctx: Context, ids: readonly string[]): Promise<Map<string, Links>> {
  if (ids.length === 0) return new Map()
  const rows = await ctx.db
    .selectFrom('tunnelLinks')
    .select('tunnelId')
    .select(({ fn }) => [
      fn.countAll<string>().as('links'),
      fn.count<string>('portError').as('errors'),
      fn.min('portError').as('portError'),
    ])
    .where('tunnelId', 'in', ids)
    .groupBy('tunnelId')
    .execute()
  return new Map(
    rows.map(({ tunnelId, links, errors, portError }) => [
      tunnelId,
      { count: Number(links), portError: errors === links ? portError : null },
    ]),
  )
}

/** Of tunnels that the caller has locked and that have links: in error while none of these relays has the port, else connected. */
export async function settle(ctx: Context, rows: readonly TunnelRow[]): Promise<void> {
  const links = await linksOf(
    ctx,
    rows.map(({ id }) => id),
  )
  for (const row of rows) {
    const has = links.get(row.id)
    if (has) await settleOne(ctx, row, has)
  }
}

async function settleOne(ctx: Context, row: TunnelRow, { portError }: Links): Promise<void> {
  await moveTunnel(
    ctx,
    row,
    portError === null ? { to: 'connected' } : { to: 'error', message: portError },
  )
}

/** Of tunnels that the caller has locked and that have lost links, those that have none left are disconnected. */
export async function noteLostLinks(
  ctx: Context,
  rows: readonly TunnelRow[],
  reason: Reason,
): Promise<void> {
  const links = await linksOf(
    ctx,
    rows.map(({ id }) => id),
  )
  for (const row of rows) {
    const left = links.get(row.id)
    const wasLinked = row.status === 'connected' || row.status === 'error'
    if (left) await settleOne(ctx, row, left)
    else if (wasLinked) await moveTunnel(ctx, row, { to: 'disconnected', reason })
  }
}
