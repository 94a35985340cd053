import { countExport, type Export } from '#alerts/index.ts'
import type { Context } from '#kernel/context.ts'
import { problems } from './problems.ts'

/**
 * For whatever hands out much at once, before its first byte: counts it, and refuses those who have fetched far more in this hour than
 * they usually do, until they prove who they are. For an API key that is whoever made it.
 *
 * @throws problem `auth.step_up_required`
 */
export async function admitExport(ctx: Context, what: Export): Promise<void> {
  const { actor } = ctx
  const blockedSince = await countExport(ctx, what)
  if (blockedSince === undefined || !('userId' in actor)) return
  const proven = await ctx.db
    .selectFrom('signIns')
    .select('id')
    .where('userId', '=', actor.userId)
    .$if(actor.kind === 'user', (query) =>
      query.where('id', '=', (actor as { signInId: string }).signInId),
    )
    .where('revokedAt', 'is', null)
    .where('steppedUpAt', '>', blockedSince)
    .executeTakeFirst()
  if (!proven) throw problems.stepUpRequired()
}
