import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import {
  rowsById,
  type PersonalRecords,
  type PersonOnRecord,
  type Period,
  type Rows,
} from '#kernel/personal-records.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import { removeAll } from './recordings.ts'
import { closeRow } from './service.ts'

const BATCH = 200

/** What is kept of the browsers that somebody has used. */
export function sessionRecords(store: () => ObjectStore): PersonalRecords {
  return {
    lists: { browserSessions: listSessions },
    erase: (ctx, person) => eraseSessions(ctx, store(), person),
    usage: countUsage,
  }
}

/** Those that the person started, the oldest first. */
function listSessions({ db }: Context, { userId }: PersonOnRecord): Rows {
  return rowsById((after, limit) =>
    db
      .selectFrom('browserSessions')
      .select(['id', 'accountId', 'status', 'endReason', 'viewport', 'userAgent', 'locale'])
      .select(['timezone', 'metadata', 'currentUrl', 'currentTitle'])
      .select(['createdAt', 'startedAt', 'endedAt'])
      .where('userId', '=', userId)
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit)
      .execute(),
  )
}

/** The sessions of accounts that go with the person, commands and recordings included; what was done for others stays with those. */
async function eraseSessions(
  ctx: Context,
  store: ObjectStore,
  { userId, accountIds }: PersonOnRecord,
): Promise<void> {
  for (const accountId of accountIds) {
    await endAll(ctx.actingFor(accountId))
    await removeAll(store, `recordings/${accountId}/`)
    await deleteRows(ctx, sql`account_id = ${accountId}`)
  }
  await forgetPages(ctx, userId)
}

async function endAll(ctx: Context): Promise<void> {
  const open = await ctx.db
    .selectFrom('browserSessions')
    .select('id')
    .where('accountId', '=', ctx.accountId)
    .where('endedAt', 'is', null)
    .execute()
  for (const { id } of open) {
    await ctx.transaction((ctx) =>
      closeRow(ctx.actingFor(ctx.accountId), id, { reason: 'account_deleted' }),
    )
  }
}

async function deleteRows({ db, signal }: Context, which: ReturnType<typeof sql>): Promise<void> {
  for (let deleted = BATCH; deleted === BATCH;) {
    signal.throwIfAborted()
    const { numAffectedRows = 0n } = await sql`
      delete from browser_sessions where id in (
        select id from browser_sessions where ${which} limit ${BATCH})`.execute(db)
    deleted = Number(numAffectedRows)
  }
}

/** Where the person was, and what with, in sessions of accounts that others go on with. */
async function forgetPages({ db }: Context, userId: string): Promise<void> {
  await db
    .updateTable('browserSessions')
    .set({ currentUrl: null, currentTitle: null, userAgent: null, locale: null, timezone: null })
    .where('userId', '=', userId)
    .where('endedAt', 'is not', null)
    .execute()
}

async function countUsage(
  { db }: Context,
  { userId, accountId }: { userId: string; accountId?: string },
  { from, to }: Period,
): Promise<Record<string, number>> {
  const { rows } = await sql<{ sessions: number; minutes: number }>`
    select count(*) filter (where created_at >= ${from})::integer as "sessions",
      coalesce(sum(extract(epoch from
        least(coalesce(ended_at, ${to}), ${to}) - greatest(started_at, ${from}))) / 60, 0)::float8 as "minutes"
    from browser_sessions
    where user_id = ${userId} and created_at < ${to} and (ended_at is null or ended_at > ${from})
      and (${accountId ?? null}::text is null or account_id = ${accountId ?? null})`.execute(db)
  const { sessions, minutes } = rows[0]!
  return { 'browsers.sessions': sessions, 'browsers.minutes': Math.round(minutes * 10) / 10 }
}
