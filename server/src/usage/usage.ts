import { sessionUsage } from '#browsers/index.ts'
import type { Context } from '#kernel/context.ts'
import { lastMonths, tunnelUsage } from '#tunnels/index.ts'
import type { Usage, UsageQuery } from './schema.ts'

/** What the account has used in each of the last months, the newest first. */
export async function getUsage(ctx: Context, { months }: UsageQuery): Promise<Usage> {
  const all = lastMonths(ctx.clock.now(), months)
  const tunnels = await tunnelUsage(ctx, all)
  const periods: Usage['periods'] = []
  for (const month of all) {
    periods.push({
      ...{ period: month.name, from: month.from.toISOString(), to: month.to.toISOString() },
      ...{ tunnels: tunnels.get(month.name)!, browsers: await sessionUsage(ctx, month) },
    })
  }
  return { accountId: ctx.accountId, periods }
}
