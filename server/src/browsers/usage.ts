import { sql } from 'kysely'
import type { QuotaState } from '#kernel/capability.ts'
import type { Context } from '#kernel/context.ts'
import type { Period } from '#kernel/personal-records.ts'
import { sessionsPerAccount } from './settings.ts'

/** Sessions that the account has started in a period, and the minutes of it that its browsers were open. */
export async function sessionUsage(
  { db, accountId, clock }: Context,
  { from, to }: Period,
): Promise<{ sessions: number; minutes: number }> {
  const end = new Date(Math.min(to.getTime(), clock.now().getTime()))
  const { rows } = await sql<{ sessions: number; minutes: number }>`
    select count(*) filter (where created_at >= ${from})::integer as "sessions",
      coalesce(sum(greatest(extract(epoch from
        least(coalesce(ended_at, ${end}), ${end}) - greatest(started_at, ${from})), 0)) / 60, 0)::float8 as "minutes"
    from browser_sessions
    where account_id = ${accountId} and created_at < ${to} and (ended_at is null or ended_at > ${from})
  `.execute(db)
  const { sessions, minutes } = rows[0]!
  return { sessions, minutes: Math.round(minutes * 10) / 10 }
}

export async function openSessions(ctx: Context): Promise<QuotaState> {
  const { used } = await ctx.db
    .selectFrom('browserSessions')
    .select(sql<number>`count(*)::integer`.as('used'))
    .where('accountId', '=', ctx.accountId)
    .where('endedAt', 'is', null)
    .executeTakeFirstOrThrow()
  return { used, limit: ctx.settings.get(sessionsPerAccount) }
}
