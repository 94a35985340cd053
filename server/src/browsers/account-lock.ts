import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'

/**
 * Creates of one account wait for each other here, so that two of them cannot share the last place. Where the commit of the started
 * session is still to come, that one takes this one's row to the disk along; what a crash loses before that had no browser.
 */
export async function lockAccount(ctx: Context, { durable }: { durable: boolean }): Promise<void> {
  const key = sql`pg_advisory_xact_lock(hashtextextended(${ctx.accountId}, 0))`
  const late = sql`set_config('synchronous_commit', 'off', true),`
  await sql`select ${durable ? sql`` : late} ${key}`.execute(ctx.db)
}
