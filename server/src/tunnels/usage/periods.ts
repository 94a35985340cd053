import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { type Counts, NOTHING, sumOf } from './counts.ts'
import { monthOf } from './period.ts'
import type { OwnedCounts } from './take.ts'

/** Adds to the totals of the months that the counts belong to. Rows are locked in one order by everybody. */
export async function addToPeriods(
  { db }: Context,
  counts: readonly OwnedCounts[],
  tiers: ReadonlyMap<string, string>,
): Promise<void> {
  if (counts.length === 0) return
  const groups = Map.groupBy(counts, ({ accountId, at, tunnelId }) =>
    [accountId, monthOf(at).name, tunnelId].join(' '),
  )
  const rows = [...groups.keys()].toSorted().map((key) => {
    const [account_id, period, tunnel_id] = key.split(' ') as [string, string, string]
    const sum = groups.get(key)!.reduce<Counts>(sumOf, NOTHING)
    const { bytesIn: bytes_in, bytesOut: bytes_out, ...rest } = sum
    return {
      account_id,
      period,
      tunnel_id,
      tier: tiers.get(account_id),
      bytes_in,
      bytes_out,
      ...rest,
    }
  })
  await sql`
    insert into tunnel_usage_periods as present (account_id, period, tunnel_id, tier,
      requests, failures, connections, bytes_in, bytes_out)
    select account_id, period, tunnel_id, tier, requests, failures, connections, bytes_in, bytes_out
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given (
      account_id text, period text, tunnel_id text, tier text, requests bigint, failures bigint,
      connections bigint, bytes_in bigint, bytes_out bigint)
    on conflict (account_id, period, tunnel_id, tier) do update set
      requests = present.requests + excluded.requests,
      failures = present.failures + excluded.failures,
      connections = present.connections + excluded.connections,
      bytes_in = present.bytes_in + excluded.bytes_in,
      bytes_out = present.bytes_out + excluded.bytes_out`.execute(db)
}
