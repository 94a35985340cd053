import { sendMail } from '#notifications/index.ts'
import { sql } from 'kysely'
import { actorId, type Context } from '#kernel/context.ts'
import type { Client } from '../client.ts'
import { useToken, voidTokens } from '../one-time-tokens.ts'
import { problems } from '../problems.ts'
import type { Tools } from '../tools.ts'
import { findUser, type UserRow } from '../users.ts'
import { restored } from './events.ts'
import { leavingProblems } from './problems.ts'

/**
 * Takes back the deletion of whoever was mailed this token, and signs nobody in. See `restoreUser`.
 *
 * @throws problem `auth.link_invalid` or `auth.too_many_attempts`
 */
export function restoreByLink(
  tools: Tools,
  ctx: Context,
  token: string,
  client: Client,
): Promise<void> {
  return tools.attempts.during('restore_user', client, () =>
    ctx.transaction(async (ctx) => {
      const { userId } = await useToken(ctx, 'restore_user', token)
      if (!(await restore(tools, ctx, userId))) throw problems.linkInvalid()
    }),
  )
}

/**
 * Takes back the deletion of a user; what ended with it, such as API keys, stays ended. Announces `user.restored` and mails the user.
 * Of a restoring and the end of the days of grace at once, one wins. Who may ask is checked by the caller.
 *
 * @throws problem `user.not_leaving`
 */
export async function restoreUser(tools: Tools, ctx: Context, userId: string): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const user = await restore(tools, ctx, userId)
    if (!user) throw leavingProblems.notLeaving({ userId })
  })
}

async function restore(tools: Tools, ctx: Context, userId: string): Promise<UserRow | undefined> {
  const now = ctx.clock.now()
  const departure = await ctx.db
    .deleteFrom('departures')
    .where('userId', '=', userId)
    .where('begunAt', 'is', null)
    .where('dueAt', '>', now)
    .returning('statusBefore')
    .executeTakeFirst()
  if (!departure) return undefined
  await ctx.db
    .updateTable('users')
    .set({ status: departure.statusBefore, ver: sql<number>`ver + 1`, updatedAt: now })
    .where('id', '=', userId)
    .where('status', '=', 'leaving')
    .execute()
  await voidTokens(ctx, userId, ['restore_user'])
  const user = (await findUser(ctx.db, 'id', userId))!
  const by = actorId(ctx.actor)
  await ctx.actingFor(user.accountId).events.emit(restored, { userId, ...(by && { by }) })
  await sendMail(ctx, {
    ...{ to: user.email, accountId: user.accountId },
    ...{ template: 'user_restored', values: { at: now.toISOString() } },
  })
  ctx.afterCommit(() => tools.userChanged(userId))
  return user
}
