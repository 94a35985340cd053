import { z } from 'zod'
import { PageQuery } from '#kernel/http/cursor.ts'
import { TunnelCounts } from '#tunnels/index.ts'

const MOST_MONTHS = 36

export const Month = z
  .string()
  .regex(/^20\d{2}-(0[1-9]|1[0-2])$/, 'must be a month: 2026-11')
  .meta({ description: 'A calendar month, UTC' })

export const UsageQuery = z.strictObject({
  months: z.coerce
    .number()
    .int()
    .min(1)
    .max(MOST_MONTHS)
    .default(3)
    .meta({ description: 'How many, this one included' }),
})
export type UsageQuery = z.output<typeof UsageQuery>

export const Usage = z
  .strictObject({
    accountId: z.string(),
    periods: z
      .array(
        z.strictObject({
          period: Month,
          from: z.iso.datetime(),
          to: z.iso.datetime().meta({ description: 'Not included' }),
          tunnels: TunnelCounts,
          browsers: z.strictObject({
            sessions: z.int().meta({ description: 'That were started' }),
            minutes: z.number().meta({ description: 'That browsers were open' }),
          }),
        }),
      )
      .meta({ description: 'The newest first' }),
  })
  .meta({ id: 'Usage' })
export type Usage = z.output<typeof Usage>

export const Quota = z
  .strictObject({
    name: z.string().meta({ description: '`tunnels.bytes`' }),
    what: z.string(),
    unit: z.string(),
    used: z.number(),
    limit: z.number().nullable().meta({ description: 'Null when there is none' }),
    resetsAt: z.iso
      .datetime()
      .optional()
      .meta({ description: 'Absent for what is given back by ending it' }),
  })
  .meta({ id: 'Quota' })
export type Quota = z.output<typeof Quota>

export const Quotas = z.strictObject({ items: z.array(Quota) }).meta({ id: 'Quotas' })

export const ReportQuery = PageQuery.extend({
  period: Month.optional().meta({ description: 'This month unless given' }),
  format: z.enum(['json', 'csv']).default('json').meta({
    description: 'CSV is all of it, without pages',
  }),
})
export type ReportQuery = z.output<typeof ReportQuery>

export const ReportRow = z
  .strictObject({
    accountId: z.string(),
    account: z.string().meta({ description: 'Its name' }),
    tier: z.string().meta({ description: 'That the account had when it was counted' }),
    period: Month,
    tunnels: z.int().meta({ description: 'That carried something' }),
    ...TunnelCounts.shape,
  })
  .meta({ id: 'TunnelReportRow' })
export type ReportRow = z.output<typeof ReportRow>
