import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import type { TunnelParts } from '../parts.ts'
import { findReadable } from '../read.ts'
import { lastMonths, TunnelCounts, tunnelUsage } from './totals.ts'

export const TunnelUsageQuery = z.strictObject({
  months: z.coerce
    .number()
    .int()
    .min(1)
    .max(36)
    .default(12)
    .meta({ description: 'How many, this one included' }),
})

export const TunnelUsage = z
  .strictObject({
    tunnelId: z.string(),
    periods: z
      .array(
        z.strictObject({
          period: z.string().meta({ description: 'A calendar month, UTC: `2026-11`' }),
          from: z.iso.datetime(),
          to: z.iso.datetime().meta({ description: 'Not included' }),
          ...TunnelCounts.shape,
        }),
      )
      .meta({ description: 'The newest first' }),
  })
  .meta({ id: 'TunnelUsage' })

/** What bills are made from. @throws problem `tunnel.not_found` */
export async function usageOfTunnel(
  ctx: Context,
  parts: TunnelParts,
  id: string,
  { months }: { months: number },
): Promise<z.output<typeof TunnelUsage>> {
  const { row } = await findReadable(ctx, parts, id)
  const all = lastMonths(ctx.clock.now(), months)
  const counts = await tunnelUsage(ctx.actingFor(row.accountId), all, id)
  const periods = all.map(({ name, from, to }) => ({
    ...{ period: name, from: from.toISOString(), to: to.toISOString() },
    ...counts.get(name)!,
  }))
  return { tunnelId: id, periods }
}
