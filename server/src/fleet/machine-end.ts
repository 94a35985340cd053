import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { terminated } from './events.ts'
import type { FleetJobs } from './job-kinds.ts'
import { states } from './states.ts'
import type { InstanceRow } from './tables.ts'

/** The machine is no more, and with it its node: announces `instance.terminated`, once, and lets a job end its sessions. */
export async function endRow(
  ctx: Context,
  jobs: Pick<FleetJobs, 'endSessions'>,
  { id }: Pick<InstanceRow, 'id'>,
): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const row = await ctx.db
      .updateTable('fleetInstances')
      .set({ status: 'terminated', endedAt: ctx.clock.now() })
      .where('id', '=', id)
      .where('status', 'in', states.from('terminated'))
      .returningAll()
      .executeTakeFirst()
    if (!row) return
    await endNode(ctx, jobs, id)
    await ctx.events.emit(terminated, namesOf(row))
  })
}

async function endNode(
  ctx: Context,
  jobs: Pick<FleetJobs, 'endSessions'>,
  instanceId: string,
): Promise<void> {
  const gone = sql<Date>`coalesce(gone_at, ${ctx.clock.now()})`
  const node = await ctx.db
    .updateTable('fleetNodes')
    .set({ url: null, fingerprint: null, credentialHash: null, goneAt: gone })
    .where('instanceId', '=', instanceId)
    .returning('id')
    .executeTakeFirst()
  if (node) await ctx.jobs.send(jobs.endSessions, { id: node.id }, { uniqueKey: node.id })
}

/** What events name of a machine. */
export function namesOf({
  id,
  provider,
  providerId,
}: Pick<InstanceRow, 'id' | 'provider' | 'providerId'>) {
  return { id, provider, ...(providerId && { instanceId: providerId }) }
}
