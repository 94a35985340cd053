import { sql } from 'kysely'
import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { type Counts, NOTHING } from './counts.ts'
import { type Month, monthOf } from './period.ts'

export const TunnelCounts = z
  .strictObject({
    requests: z.int(),
    failures: z.int().meta({ description: 'Answered with 5xx, or not at all' }),
    successRate: z
      .number()
      .nullable()
      .meta({ description: '0 to 1; null when there were no requests' }),
    connections: z.int().meta({ description: 'WebSockets and TCP connections' }),
    bytesIn: z.int().meta({ description: 'From visitors' }),
    bytesOut: z.int().meta({ description: 'To visitors' }),
  })
  .meta({ id: 'TunnelCounts' })
export type TunnelCounts = z.output<typeof TunnelCounts>

export function presentCounts(counts: Counts): TunnelCounts {
  const { requests, failures, connections, bytesIn, bytesOut } = counts
  const share = requests > 0 ? Math.max(0, 1 - failures / requests) : null
  const successRate = share === null ? null : Math.floor(share * 10_000) / 10_000
  return { requests, failures, successRate, connections, bytesIn, bytesOut }
}

/** Sums of rows of a table with these columns, as numbers. */
export const summed = sql`sum(requests)::float8 as requests, sum(failures)::float8 as failures,
  sum(connections)::float8 as connections, sum(bytes_in)::float8 as "bytesIn", sum(bytes_out)::float8 as "bytesOut"`

/** This month and those before it, the newest first. */
export function lastMonths(now: Date, months: number): Month[] {
  return Array.from({ length: months }, (_, back) =>
    monthOf(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back))),
  )
}

/** What the account's tunnels, or one of them, carried in each of these months, by the name of the month. */
export async function tunnelUsage(
  { db, accountId }: Context,
  months: readonly Month[],
  tunnelId?: string,
): Promise<Map<string, TunnelCounts>> {
  const names = months.map(({ name }) => name)
  const { rows } = await sql<Counts & { period: string }>`
    select period, ${summed} from tunnel_usage_periods
    where account_id = ${accountId} and period = any(${names})
      and (${tunnelId ?? null}::text is null or tunnel_id = ${tunnelId ?? null})
    group by period`.execute(db)
  const byName = new Map(rows.map(({ period, ...counts }) => [period, counts]))
  return new Map(names.map((name) => [name, presentCounts(byName.get(name) ?? NOTHING)]))
}

export interface TunnelReportPlace {
  accountId: string
  tier: string
}

/** What the tunnels of each account carried in a month while it had each tier, behind a place, in the order of accounts and tiers. */
export async function tunnelReport(
  { db }: Context,
  period: string,
  after: TunnelReportPlace,
  limit: number,
): Promise<(TunnelReportPlace & { tunnels: number; counts: TunnelCounts })[]> {
  const { rows } = await sql<Counts & TunnelReportPlace & { tunnels: number }>`
    select account_id as "accountId", tier, count(distinct tunnel_id)::integer as tunnels, ${summed}
    from tunnel_usage_periods
    where period = ${period} and (account_id, tier) > (${after.accountId}, ${after.tier})
    group by account_id, tier order by account_id, tier limit ${limit}`.execute(db)
  return rows.map(({ accountId, tier, tunnels, ...counts }) => ({
    ...{ accountId, tier, tunnels, counts: presentCounts(counts) },
  }))
}
