import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineJob } from '#kernel/jobs.ts'
import { fenceLapsed } from './fence.ts'
import { checkDomains, giveUpConnecting } from './job-names.ts'
import type { Running, TunnelParts } from './parts.ts'
import { checkProof } from './proof.ts'
import { checkRuns } from './runs.ts'
import { giveUp, sweep } from './sweep.ts'

const CHECK_EVERY_MS = 86_400_000
const MOST_CHECKS = 100
const None = z.strictObject({})

export function tunnelJobs(running: Running) {
  return [
    defineJob({
      ...giveUpConnecting,
      summary: 'Say of a tunnel that the agent which came for it has never linked',
      run: (ctx, { id, since }) => giveUp(ctx, id, new Date(since)),
    }),
    defineJob({
      ...checkDomains,
      summary: 'Look whether the domains of a tunnel are still proven',
      run: (ctx, { tunnelId }) => checkProofs(ctx, running(), { tunnelId }),
    }),
    defineJob({
      name: 'tunnels.check_all_domains',
      summary: 'Look whether the domains that were not looked at for a day are still proven',
      input: None,
      cron: '*/10 * * * *',
      timeoutSeconds: 1_800,
      run: (ctx) => checkProofs(ctx, running(), {}),
    }),
    defineJob({
      name: 'tunnels.check_runs',
      summary: 'End runs of agents whose starters may not hold tunnels any more',
      input: None,
      cron: '*/5 * * * *',
      run: (ctx) => checkRuns(ctx, running()),
    }),
    defineJob({
      name: 'tunnels.sweep',
      summary: 'End runs of agents that are not seen any more; forget what has expired',
      input: None,
      cron: '* * * * *',
      run: async (ctx) => {
        await sweep(ctx)
        await fenceLapsed(ctx, running())
      },
    }),
  ]
}

async function checkProofs(
  ctx: Context,
  parts: TunnelParts,
  { tunnelId }: { tunnelId?: string },
): Promise<void> {
  const before = new Date(ctx.clock.now().getTime() - CHECK_EVERY_MS)
  const rows = await ctx.db
    .selectFrom('tunnelDomains')
    .selectAll()
    .where('verifiedAt', 'is not', null)
    .$if(tunnelId !== undefined, (query) => query.where('tunnelId', '=', tunnelId!))
    .$if(tunnelId === undefined, (query) => query.where('checkedAt', '<', before))
    .orderBy('checkedAt')
    .limit(MOST_CHECKS)
    .execute()
  for (const row of rows) {
    ctx.signal.throwIfAborted()
    await checkProof(ctx, parts, row)
  }
}
