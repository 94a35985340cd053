import type { Context } from '#kernel/context.ts'
import type { EndedRow } from './watches.ts'

const AT_ONCE = 1_000

/** Those of the sessions that have ended. */
export async function findEnded(ctx: Context, ids: readonly string[]): Promise<EndedRow[]> {
  const ended: EndedRow[] = []
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const rows = await ctx.db
      .selectFrom('browserSessions')
      .select(['id', 'status', 'endReason', 'errorMessage', 'endedAt'])
      .where('id', 'in', ids.slice(at, at + AT_ONCE))
      .where('endedAt', 'is not', null)
      .execute()
    ended.push(...rows)
  }
  return ended
}
