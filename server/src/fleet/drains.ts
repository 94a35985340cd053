import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { nodeDraining, nodeUndrained } from './events.ts'
import { getNode } from './nodes.ts'
import { problems } from './problems.ts'
import type { DrainReason } from './states.ts'
import type { NodeRow } from './tables.ts'

/**
 * Lets a node take no new sessions; those that are open go on. The node hears it with its next beat. One that drains for another reason
 * keeps that, unless an operator asks: what an operator drains, the pool does not end. What is to end or to restart still does.
 *
 * @throws problem `fleet.node_not_found`
 */
export async function drainNode(ctx: Context, id: string, reason: DrainReason): Promise<NodeRow> {
  const { id: nodeId } = await getNode(ctx, id)
  return ctx.transaction(async (ctx) => {
    const row = await ctx.db
      .updateTable('fleetNodes')
      .set({ drainReason: reason })
      .where('id', '=', nodeId)
      .where(
        sql<boolean>`drain_reason is null or (${reason} = 'asked'
          and drain_reason not in ('asked', 'ending', 'restarting', 'rebooting'))`,
      )
      .returningAll()
      .executeTakeFirst()
    if (!row) return getNode(ctx, nodeId)
    const { instanceId } = row
    await ctx.events.emit(nodeDraining, { id: nodeId, instanceId, reason })
    return row
  })
}

/** Lets it take sessions again, and stay if it was to end; a machine that its provider takes back stays drained. */
export async function undrainNode(ctx: Context, id: string): Promise<NodeRow> {
  const { id: nodeId } = await getNode(ctx, id)
  return ctx.transaction(async (ctx) => {
    const row = await ctx.db
      .updateTable('fleetNodes')
      .set({ drainReason: null, drainingSince: ctx.clock.now() })
      .where('id', '=', nodeId)
      .where('drainReason', 'in', [
        ...(['asked', 'idle', 'surplus'] as const),
        ...(['ending', 'restarting', 'rebooting'] as const),
      ])
      .returningAll()
      .executeTakeFirst()
    if (!row) return getNode(ctx, nodeId)
    await ctx.events.emit(nodeUndrained, { id: nodeId, instanceId: row.instanceId })
    return row
  })
}

/** What an operator's wish to end or restart a machine takes the place of; the others end the machine anyway. */
const REPLACED: Record<'ending' | 'restarting', readonly (DrainReason | null)[]> = {
  ending: [null, 'asked', 'idle', 'surplus', 'restarting', 'rebooting'],
  restarting: [null, 'asked', 'idle', 'surplus'],
}

/**
 * Drains the node of a machine that is to end or to restart once its sessions have ended; a later round sees to it. False when no node
 * lives on it: there is nothing to wait for.
 *
 * @throws problem `fleet.wrong_state` when a machine that is to restart is about to end
 */
export async function drainToLeave(
  ctx: Context,
  instanceId: string,
  reason: 'ending' | 'restarting',
): Promise<boolean> {
  const node = await ctx.db
    .selectFrom('fleetNodes')
    .select(['id', 'drainReason'])
    .where('instanceId', '=', instanceId)
    .where('goneAt', 'is', null)
    .forUpdate()
    .executeTakeFirst()
  if (!node) return false
  const { id, drainReason } = node
  if (REPLACED[reason].includes(drainReason)) {
    await ctx.db
      .updateTable('fleetNodes')
      .set({ drainReason: reason })
      .where('id', '=', id)
      .execute()
    await ctx.events.emit(nodeDraining, { id, instanceId, reason })
  } else if (
    reason === 'restarting' &&
    drainReason !== 'restarting' &&
    drainReason !== 'rebooting'
  ) {
    throw problems.wrongState({ id: instanceId, status: 'about to end', wanted: 'running' })
  }
  return true
}
