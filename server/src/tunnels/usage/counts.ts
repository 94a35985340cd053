import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { TunnelUsageTable } from '../tables.ts'

/** What was counted, as numbers: 9 PB are exact. */
export interface Counts {
  requests: number
  failures: number
  connections: number
  bytesIn: number
  bytesOut: number
}

/** Of one tunnel by one endpoint within the span that begins then. */
export interface SpanCounts extends Counts {
  tunnelId: string
  endpointId: string
  at: Date
  latency: readonly number[]
}

export const NOTHING: Counts = { requests: 0, failures: 0, connections: 0, bytesIn: 0, bytesOut: 0 }

export function sumOf(one: Counts, other: Counts): Counts {
  return {
    requests: one.requests + other.requests,
    failures: one.failures + other.failures,
    connections: one.connections + other.connections,
    bytesIn: one.bytesIn + other.bytesIn,
    bytesOut: one.bytesOut + other.bytesOut,
  }
}

/** A sum for each tunnel, endpoint and time, in the order in which rows are locked. */
export function mergeSpans(counts: readonly SpanCounts[]): SpanCounts[] {
  const groups = Map.groupBy(counts, keyOf)
  return [...groups.keys()].toSorted().map((key) =>
    groups.get(key)!.reduce((sum, one) => ({
      ...{ ...sum, ...sumOf(sum, one) },
      latency: sum.latency.map((count, at) => count + one.latency[at]!),
    })),
  )
}

function keyOf({ tunnelId, at, endpointId }: SpanCounts): string {
  return `${tunnelId} ${at.toISOString()} ${endpointId}`
}

/** Adds to the rows of these spans, and makes those that are not there. Rows are locked in one order by everybody. */
export async function addSpans(
  { db }: Context,
  span: TunnelUsageTable['span'],
  counts: readonly SpanCounts[],
): Promise<void> {
  if (counts.length === 0) return
  const rows = mergeSpans(counts).map(({ tunnelId, endpointId, bytesIn, bytesOut, ...rest }) => ({
    ...{ ...rest, tunnel_id: tunnelId, endpoint_id: endpointId },
    ...{ bytes_in: bytesIn, bytes_out: bytesOut },
  }))
  await sql`
    insert into tunnel_usage (tunnel_id, span, at, endpoint_id,
      requests, failures, connections, bytes_in, bytes_out, latency)
    select tunnel_id, ${span}, at, endpoint_id,
      requests, failures, connections, bytes_in, bytes_out, latency
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given (
      tunnel_id text, at timestamptz, endpoint_id text, requests bigint, failures bigint,
      connections bigint, bytes_in bigint, bytes_out bigint, latency bigint[])
    on conflict (tunnel_id, span, at, endpoint_id) do update set
      requests = tunnel_usage.requests + excluded.requests,
      failures = tunnel_usage.failures + excluded.failures,
      connections = tunnel_usage.connections + excluded.connections,
      bytes_in = tunnel_usage.bytes_in + excluded.bytes_in,
      bytes_out = tunnel_usage.bytes_out + excluded.bytes_out,
      latency = array(
        select mine + theirs
        from unnest(tunnel_usage.latency, excluded.latency) with ordinality as both_of (mine, theirs, place)
        order by place)`.execute(db)
}
