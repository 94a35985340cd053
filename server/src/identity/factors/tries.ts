import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'

const MAX_TRIES = 10
const WINDOW_MS = 15 * 60 * 1000

/** `isLast`: a wrong proof now locks the person's factors. */
type Try = { isLast: boolean; until: Date } | { lockedUntil: Date }

/**
 * Takes one of the person's 10 tries in 15 minutes before a proof is looked at, whatever the factor: so many at once get no more. Runs in
 * a transaction of its own, which no refusal undoes; who was right gives it back.
 */
export async function takeTry(ctx: Context, userId: string): Promise<Try> {
  const now = ctx.clock.now()
  const windowStart = new Date(now.getTime() - WINDOW_MS)
  const isOver = sql<boolean>`factor_tries.window_started_at <= ${windowStart} or factor_tries.tries = 0`
  const taken = await ctx.db
    .insertInto('factorTries')
    .values({ userId, windowStartedAt: now, tries: 1 })
    .onConflict((conflict) =>
      conflict
        .column('userId')
        .doUpdateSet({
          tries: sql`case when ${isOver} then 1 else factor_tries.tries + 1 end`,
          windowStartedAt: sql`case when ${isOver} then ${now} else factor_tries.window_started_at end`,
        })
        .where(sql<boolean>`${isOver} or factor_tries.tries < ${MAX_TRIES}`),
    )
    .returning(['tries', 'windowStartedAt'])
    .executeTakeFirst()
  if (taken) return { isLast: taken.tries === MAX_TRIES, until: endOf(taken) }
  const full = await ctx.db
    .selectFrom('factorTries')
    .select('windowStartedAt')
    .where('userId', '=', userId)
    .executeTakeFirst()
  return { lockedUntil: endOf(full ?? { windowStartedAt: now }) }
}

/** Only this try: wrong ones before it go on counting, so nobody gets more of them in the wake of a person who signs in often. */
export async function giveTryBack(ctx: Context, userId: string): Promise<void> {
  await ctx.db
    .updateTable('factorTries')
    .set({ tries: sql<number>`greatest(tries - 1, 0)` })
    .where('userId', '=', userId)
    .execute()
}

function endOf({ windowStartedAt }: { windowStartedAt: Date }): Date {
  return new Date(windowStartedAt.getTime() + WINDOW_MS)
}
