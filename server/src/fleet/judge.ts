import type { Clock } from '#kernel/clock.ts'
import type { Context } from '#kernel/context.ts'
import { type Beating, SilenceJudge } from '#kernel/silence-judge.ts'
import { nodeGone } from './events.ts'
import type { FleetJobs } from './job-kinds.ts'

const MOST_NODES = 10_000

/** Tells which nodes are gone. */
export function nodeJudge(clock: Clock, jobs: Pick<FleetJobs, 'endSessions'>): SilenceJudge {
  return new SilenceJudge({
    ...{ clock, read: readNodes },
    declareGone: (ctx, node) => declareGone(ctx, jobs, node),
  })
}

function readNodes(ctx: Context): Promise<Beating[]> {
  return ctx.db
    .selectFrom('fleetNodes')
    .innerJoin('fleetInstances', 'fleetInstances.id', 'fleetNodes.instanceId')
    .select(['fleetNodes.id', 'epoch', 'sequence'])
    .where('goneAt', 'is', null)
    .where('status', '<>', 'terminated')
    .limit(MOST_NODES)
    .execute()
}

/** Of two judges one acts, and a beat that comes in between wins over both. Announces `node.gone`. */
async function declareGone(
  ctx: Context,
  jobs: Pick<FleetJobs, 'endSessions'>,
  { id, epoch, sequence }: Beating,
): Promise<boolean> {
  return ctx.transaction(async (ctx) => {
    const row = await ctx.db
      .updateTable('fleetNodes')
      .set({ goneAt: ctx.clock.now() })
      .where('id', '=', id)
      .where('epoch', '=', epoch)
      .where('sequence', '=', sequence)
      .where('goneAt', 'is', null)
      .returning('instanceId')
      .executeTakeFirst()
    if (!row) return false
    await ctx.events.emit(nodeGone, { id, instanceId: row.instanceId })
    await ctx.jobs.send(jobs.endSessions, { id }, { uniqueKey: id })
    return true
  })
}
