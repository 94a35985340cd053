import type { Context } from '#kernel/context.ts'
import { isRightful } from './right.ts'

/** Whether somebody with this address is invited now, by somebody who may. */
export async function isAwaited(ctx: Context, emailKey: string): Promise<boolean> {
  const open = await ctx.db
    .selectFrom('invitations')
    .selectAll()
    .where('emailKey', '=', emailKey)
    .where('acceptedAt', 'is', null)
    .where('cancelledAt', 'is', null)
    .where('expiresAt', '>', ctx.clock.now())
    .orderBy('createdAt', 'desc')
    .limit(20)
    .execute()
  for (const invitation of open) {
    if (await isRightful(ctx, invitation)) return true
  }
  return false
}
