import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { ErrorQuery, ErrorReport } from './schema.ts'

export const HOUR_MS = 60 * 60 * 1000
const LONGEST_MS = 92 * 24 * HOUR_MS
const WRONG_SPAN = { path: 'query.since', message: 'must be before `until`, by at most 92 days' }
const LONGEST_LIST = 100

/** One group of each of the three groupings: by hour, by code, by route. */
interface Group {
  hour: Date | null
  code: string | null
  status: number | null
  route: string | null
  count: number
  serverErrors: number
}

/**
 * Problems by code, by route and by hour, from the beginning of the hour of `since`; of the last 24 hours unless told.
 *
 * @throws problem `request.invalid` when `since` is not before `until`, or by more than 92 days
 */
export async function reportErrors(ctx: Context, query: ErrorQuery): Promise<ErrorReport> {
  const until = query.until ? new Date(query.until) : ctx.clock.now()
  const asked = query.since ? Date.parse(query.since) : until.getTime() - 24 * HOUR_MS
  const span = until.getTime() - asked
  if (!(span > 0 && span <= LONGEST_MS)) throw httpProblems.invalid({ errors: [WRONG_SPAN] })
  const since = new Date(asked - (asked % HOUR_MS))
  const groups = await readGroups(ctx, since, until)
  return {
    since: since.toISOString(),
    until: until.toISOString(),
    total: groups.reduce((total, { hour, count }) => total + (hour ? count : 0), 0),
    byCode: largest(groups, ({ code, status, count }) => code && { code, status: status!, count }),
    byRoute: largest(groups, ({ route, count }) => route && { route, count }),
    trend: trend(groups, since, until),
  }
}

async function readGroups(ctx: Context, since: Date, until: Date): Promise<Group[]> {
  const { rows } = await sql<Group>`
    select hour, code, status, route, sum(count)::float8 as count,
      coalesce(sum(count) filter (where status >= 500), 0)::float8 as "serverErrors"
    from problem_counts where hour >= ${since} and hour < ${until}
    group by grouping sets ((hour), (code, status), (route))`.execute(ctx.db)
  return rows
}

function largest<Item extends { count: number }>(
  groups: readonly Group[],
  pick: (group: Group) => Item | '' | null,
): Item[] {
  const items = groups.map(pick).filter((item) => item !== '' && item !== null)
  return items.sort((a, b) => b.count - a.count).slice(0, LONGEST_LIST)
}

/** Every hour has its place, also one without a problem. */
function trend(groups: readonly Group[], since: Date, until: Date): ErrorReport['trend'] {
  const byHour = new Map(groups.map((group) => [group.hour?.getTime(), group]))
  const hours = Math.ceil((until.getTime() - since.getTime()) / HOUR_MS)
  return Array.from({ length: hours }, (_, index) => {
    const hour = since.getTime() + index * HOUR_MS
    const { count = 0, serverErrors = 0 } = byHour.get(hour) ?? {}
    return { hour: new Date(hour).toISOString(), count, serverErrors }
  })
}
