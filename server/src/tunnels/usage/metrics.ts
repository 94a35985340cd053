import { sql } from 'kysely'
import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { findReadable } from '../read.ts'
import type { TunnelParts } from '../parts.ts'
import { askRelays } from './ask.ts'
import { type Counts, type SpanCounts, sumOf } from './counts.ts'
import { LATENCY_COUNTS, percentile } from './latency.ts'
import { type MetricsQuery, STEPS, type TunnelMetricsReport } from './metrics-schema.ts'
import { usageProblems } from './problems.ts'
import { hourDays, minuteHours } from './settings.ts'
import { presentCounts, summed } from './totals.ts'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
const MOST_POINTS = 1_500
/** Where nobody has asked for a step. */
const WANTED_POINTS = 300

/**
 * What a tunnel has carried between two times, by steps and by endpoints, and how it does now. The span begins with a whole step.
 *
 * @throws problem `tunnel.not_found` or `tunnel.wrong_span`
 */
export async function getMetrics(
  ctx: Context,
  parts: TunnelParts,
  id: string,
  query: MetricsQuery,
): Promise<TunnelMetricsReport> {
  const { row } = await findReadable(ctx, parts, id)
  const { from, to, stepSeconds } = spanOf(ctx, query)
  const rows = await readSteps(ctx, id, { from, to, stepSeconds })
  return {
    ...{ tunnelId: id, from: from.toISOString(), to: to.toISOString(), stepSeconds },
    live: await liveOf(ctx, parts, row.id),
    total: figuresOf(rows),
    points: grouped(rows, ({ at }) => at.toISOString()).map(([at, of]) => ({
      at,
      ...figuresOf(of),
    })),
    endpoints: await byEndpoint(ctx, id, rows),
  }
}

interface Span {
  from: Date
  to: Date
  stepSeconds: number
}

function spanOf(ctx: Context, { from, to, step }: MetricsQuery): Span {
  const now = ctx.clock.now().getTime()
  const toMs = to ? Date.parse(to) : now
  const fromMs = from ? Date.parse(from) : toMs - DAY_MS
  const seconds = (toMs - fromMs) / 1000
  const finest = finestStep(ctx, now - fromMs)
  const wanted = step ?? STEPS.find((one) => seconds / one <= WANTED_POINTS) ?? STEPS.at(-1)!
  const stepSeconds = Math.max(wanted, finest)
  if (!(seconds > 0)) throw usageProblems.wrongSpan({ reason: '`from` has to be before `to`' })
  if (seconds / stepSeconds > MOST_POINTS) {
    const reason = `that is more than ${MOST_POINTS} points of ${stepSeconds} s`
    throw usageProblems.wrongSpan({ reason })
  }
  const lengthMs = stepSeconds * 1000
  const start = Math.floor(fromMs / lengthMs) * lengthMs
  return { from: new Date(start), to: new Date(toMs), stepSeconds }
}

/** What is older is kept in longer spans; one of them is never cut. */
function finestStep(ctx: Context, agoMs: number): number {
  if (agoMs <= ctx.settings.get(minuteHours) * HOUR_MS) return 60
  return agoMs <= ctx.settings.get(hourDays) * DAY_MS ? 3_600 : 86_400
}

async function readSteps(
  { db }: Context,
  tunnelId: string,
  { from, to, stepSeconds }: Span,
): Promise<SpanCounts[]> {
  const buckets = Array.from(
    { length: LATENCY_COUNTS },
    (_, at) => sql`sum(latency[${sql.lit(at + 1)}])`,
  )
  const { rows } = await sql<SpanCounts>`
    select date_bin(make_interval(secs => ${stepSeconds}), at, 'epoch') as at,
      endpoint_id as "endpointId", tunnel_id as "tunnelId", ${summed},
      array[${sql.join(buckets)}]::float8[] as latency
    from tunnel_usage
    where tunnel_id = ${tunnelId} and at >= ${from} and at < ${to}
    group by 1, 2, 3 order by 1, 2`.execute(db)
  return rows
}

function grouped(
  rows: readonly SpanCounts[],
  keyOf: (row: SpanCounts) => string,
): [string, SpanCounts[]][] {
  return [...Map.groupBy(rows, keyOf)]
}

function figuresOf(rows: readonly SpanCounts[]) {
  const zero: Counts = { requests: 0, failures: 0, connections: 0, bytesIn: 0, bytesOut: 0 }
  const latency = Array.from({ length: LATENCY_COUNTS }, (_, at) =>
    rows.reduce((sum, row) => sum + row.latency[at]!, 0),
  )
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => percentile(latency, share) ?? null)
  return {
    ...presentCounts(rows.reduce<Counts>(sumOf, zero)),
    latencyMs: { p50: p50!, p95: p95!, p99: p99! },
  }
}

async function byEndpoint(ctx: Context, tunnelId: string, rows: readonly SpanCounts[]) {
  const endpoints = await ctx.db
    .selectFrom('tunnelEndpoints')
    .select(['id', 'url'])
    .where('tunnelId', '=', tunnelId)
    .execute()
  const urls = new Map(endpoints.map(({ id, url }) => [id, url]))
  return grouped(rows, ({ endpointId }) => (urls.has(endpointId) ? endpointId : '')).map(
    ([endpointId, of]) => ({
      ...(endpointId && { endpointId, url: urls.get(endpointId)! }),
      ...figuresOf(of),
    }),
  )
}

const Live = z.object({
  links: z.int().min(0),
  inUse: z.int().min(0),
  waiting: z.int().min(0),
})

/** What relays tell of a tunnel now, together. */
async function liveOf(ctx: Context, { relayCalls }: TunnelParts, tunnelId: string) {
  const { answers, silent } = await askRelays(ctx, relayCalls, (calls) =>
    calls.live({ tunnelIds: [tunnelId] }),
  )
  const sum = { links: 0, inUse: 0, waiting: 0, silentRelays: silent }
  for (const { answer } of answers) {
    const { success, data } = Live.safeParse(answer[tunnelId])
    if (!success) continue
    sum.links += data.links
    sum.inUse += data.inUse
    sum.waiting += data.waiting
  }
  return sum
}
