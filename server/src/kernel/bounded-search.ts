import { sql } from 'kysely'
import type { Context } from './context.ts'
import type { Problem } from './problem.ts'
import { sqlState } from './transaction.ts'

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: query_canceled. */
const CANCELLED = '57014'

/** Runs a search, of which the database gives up each statement after so many seconds. @throws Problem of `tooWide` */
export async function searchWithin<Result>(
  ctx: Context,
  seconds: number,
  search: (ctx: Context) => Promise<Result>,
  tooWide: (facts: { seconds: number; cause: unknown }) => Problem,
): Promise<Result> {
  try {
    return await ctx.transaction(async (ctx) => {
      await sql`set local statement_timeout = ${sql.lit(`${seconds}s`)}`.execute(ctx.db)
      return search(ctx)
    })
  } catch (error) {
    if (sqlState(error) !== CANCELLED) throw error
    throw tooWide({ seconds, cause: error })
  }
}
