import type { Context } from '#kernel/context.ts'
import { nodeLeft } from './events.ts'
import { beginStopping } from './instance-changes.ts'
import type { FleetJobs } from './job-kinds.ts'
import type { LeaveRequest } from './node-schema.ts'
import { readPool } from './pool.ts'
import { problems } from './problems.ts'
import type { NodeRow } from './tables.ts'

/**
 * A node goes in order: it has left at once, a job ends what sessions it has left, and a machine of the pool is ended with it, unless it
 * restarts. Announces `node.left`. Beats up to `sequence` that arrive later change nothing; a later one brings the node back.
 *
 * @throws problem `node.unauthenticated` when a later join or the end of the machine has replaced this node
 */
export async function leaveFleet(
  ctx: Context,
  jobs: FleetJobs,
  node: NodeRow,
  { sequence = 0 }: LeaveRequest,
): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const before = await ctx.db
      .selectFrom('fleetNodes')
      .selectAll()
      .where('id', '=', node.id)
      .where('epoch', '=', node.epoch)
      .where('credentialHash', 'is not', null)
      .forUpdate()
      .executeTakeFirst()
    if (!before) throw problems.unauthenticated()
    const { id, instanceId, goneAt } = before
    const highest = Math.max(Number(before.sequence), sequence)
    const now = ctx.clock.now()
    await ctx.db
      .updateTable('fleetNodes')
      .set({ sequence: String(highest), ...(!goneAt && { goneAt: now, leftAt: now }) })
      .where('id', '=', id)
      .execute()
    if (!goneAt) await ctx.events.emit(nodeLeft, { id, instanceId })
    await ctx.jobs.send(jobs.endSessions, { id }, { uniqueKey: id })
    if (await isOver(ctx, before)) await beginStopping(ctx, jobs, instanceId, 'left')
  })
  ctx.log.info({ node: node.id, instance: node.instanceId }, 'node left')
}

/** Whether a machine is of no use without this node. */
async function isOver(ctx: Context, { instanceId, drainReason }: NodeRow): Promise<boolean> {
  if (drainReason === 'ending') return true
  if (drainReason === 'restarting' || drainReason === 'rebooting') return false
  const machine = await ctx.db
    .selectFrom('fleetInstances')
    .selectAll()
    .where('id', '=', instanceId)
    .executeTakeFirstOrThrow()
  const isPooled = machine.purpose === 'pool' && machine.managed
  if (!isPooled || machine.assignedToUserId || machine.assignedToAccountId) return false
  const { bootMinutes } = (await readPool(ctx)).settings
  const sinceMs = ctx.clock.now().getTime() - (machine.restartedAt?.getTime() ?? 0)
  return sinceMs >= bootMinutes * 60_000
}
