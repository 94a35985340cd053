import { Readable } from 'node:stream'
import { briefAccounts } from '#identity/index.ts'
import type { Context } from '#kernel/context.ts'
import { csvLine } from '#kernel/csv.ts'
import { Reply } from '#kernel/http/route.ts'
import { monthOf, type TunnelReportPlace, tunnelReport } from '#tunnels/index.ts'
import { type ReportQuery, ReportRow } from './schema.ts'

const LIST = 'usage.tunnel_report'
const PAGE = 500

/** What the tunnels of each account carried in a month, in the order of the accounts' ids. */
export async function listReport(ctx: Context, query: ReportQuery) {
  const period = periodOf(ctx, query)
  const list = `${LIST} ${period}`
  const { cursor, limit } = query
  const [accountId = '', tier = ''] = cursor ? ctx.cursors.open(list, cursor).split(' ') : []
  const rows = await rowsBehind(ctx, period, { accountId, tier }, limit + 1)
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  const hasMore = rows.length > limit && last !== undefined
  return {
    items,
    nextCursor: hasMore ? ctx.cursors.seal(list, `${last.accountId} ${last.tier}`) : null,
  }
}

/** The same as a file, read page by page as fast as the client takes it. */
export function sendReport(ctx: Context, query: ReportQuery): Reply {
  const period = periodOf(ctx, query)
  return Reply.content(Readable.from(csv(ctx, period)), 'text/csv; charset=utf-8', {
    'content-disposition': `attachment; filename="tunnels-${period}.csv"`,
  })
}

const COLUMNS = Object.keys(ReportRow.shape) as (keyof ReportRow)[]

async function* csv(ctx: Context, period: string): AsyncGenerator<string> {
  yield csvLine(COLUMNS)
  for (let place: TunnelReportPlace | undefined = { accountId: '', tier: '' }; place;) {
    ctx.signal.throwIfAborted()
    const rows: ReportRow[] = await rowsBehind(ctx, period, place, PAGE)
    yield rows.map((row) => csvLine(COLUMNS.map((column) => row[column] ?? undefined))).join('')
    place = rows.length === PAGE ? rows.at(-1) : undefined
  }
}

async function rowsBehind(
  ctx: Context,
  period: string,
  place: TunnelReportPlace,
  limit: number,
): Promise<ReportRow[]> {
  const rows = await tunnelReport(ctx, period, place, limit)
  const accounts = await briefAccounts(ctx, [...new Set(rows.map(({ accountId }) => accountId))])
  return rows.map((row) => ({
    ...{ accountId: row.accountId, account: accounts.get(row.accountId)?.name ?? '' },
    ...{ tier: row.tier, period, tunnels: row.tunnels },
    ...row.counts,
  }))
}

function periodOf({ clock }: Context, { period }: ReportQuery): string {
  return period ?? monthOf(clock.now()).name
}
