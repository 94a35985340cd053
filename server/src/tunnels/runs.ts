import type { Context } from '#kernel/context.ts'
import { fence } from './fence.ts'
import { starterOf } from './links.ts'
import type { TunnelParts } from './parts.ts'
import { changing } from './revision.ts'
import { lockTunnels, noteLostLinks } from './status.ts'
import type { AgentRunRow } from './tables.ts'

const BATCH = 500

/** Whose runs. */
export interface RunFilter {
  userId?: string | undefined
  keyId?: string | undefined
  signInId?: string | undefined
  accountId?: string | undefined
}

/** Ends the runs whose starters may not hold tunnels of their account any more; their links are cut. */
export async function checkRuns(
  ctx: Context,
  parts: TunnelParts,
  filter: RunFilter = {},
): Promise<void> {
  const { userId, keyId, signInId, accountId } = filter
  for (let after = ''; ;) {
    ctx.signal.throwIfAborted()
    const runs = await ctx.db
      .selectFrom('tunnelAgentRuns')
      .selectAll()
      .where('endedAt', 'is', null)
      .where('id', '>', after)
      .$if(userId !== undefined, (rows) => rows.where('userId', '=', userId!))
      .$if(keyId !== undefined, (rows) => rows.where('keyId', '=', keyId!))
      .$if(signInId !== undefined, (rows) => rows.where('signInId', '=', signInId!))
      .$if(accountId !== undefined, (rows) => rows.where('accountId', '=', accountId!))
      .orderBy('id')
      .limit(BATCH)
      .execute()
    for (const run of runs) {
      if (!(await parts.mayHold(ctx, starterOf(run)))) await endRun(ctx, parts, run)
    }
    const last = runs.at(-1)
    if (!last || runs.length < BATCH) return
    after = last.id
  }
}

/** What it held is nobody's: its links are of an epoch that is over, and relays hear of it at once. */
async function endRun(ctx: Context, parts: TunnelParts, run: AgentRunRow): Promise<void> {
  await changing(ctx, parts, async (ctx, revision) => {
    const rows = await lockTunnels(ctx, run.tunnelIds)
    const held = await ctx.db
      .selectFrom('tunnelHolders')
      .select(['tunnelId', 'agent'])
      .where('runId', '=', run.id)
      .execute()
    for (const one of held) await fence(ctx, one, revision)
    await ctx.db
      .updateTable('tunnelAgentRuns')
      .set({ endedAt: ctx.clock.now() })
      .where('id', '=', run.id)
      .execute()
    await noteLostLinks(ctx, rows, 'refused')
  })
}
