import { sendMail } from '#notifications/index.ts'
import type { Context } from '#kernel/context.ts'
import { tierChanged } from './events.ts'
import { holdUser } from './reach.ts'
import type { TierChange } from './schema.ts'

/** More are not written to: they see it. */
const MAX_MAILS = 10

/**
 * Moves the account that a user acts for to another tier, and mails its owners; announces `account.tier_changed`. Whether anything
 * changed.
 *
 * @throws what `holdUser` throws
 */
export async function changeTier(
  ctx: Context,
  userId: string,
  { tier }: TierChange,
): Promise<boolean> {
  return ctx.transaction(async (ctx) => {
    const { acting, user } = await holdUser(ctx, userId, { permission: 'users.tier', self: true })
    const { accountId } = user
    const { name, tier: before } = await acting.db
      .selectFrom('accounts')
      .select(['name', 'tier'])
      .where('id', '=', accountId)
      .forNoKeyUpdate()
      .executeTakeFirstOrThrow()
    if (tier === before) return false
    await acting.db
      .updateTable('accounts')
      .set({ tier, updatedAt: ctx.clock.now() })
      .where('id', '=', accountId)
      .execute()
    const own = acting.actingFor(accountId)
    await own.events.emit(tierChanged, { accountId, userId, tier, before })
    await tellOwners(own, { account: name, tier, before })
    return true
  })
}

async function tellOwners(
  ctx: Context,
  about: { account: string; tier: string; before: string },
): Promise<void> {
  const { accountId } = ctx
  const owners = await ctx.db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.userId')
    .select('users.email')
    .where('members.accountId', '=', accountId)
    .where('members.role', '=', 'owner')
    .where('users.status', '=', 'active')
    .orderBy('members.createdAt')
    .limit(MAX_MAILS)
    .execute()
  const values = { ...about, at: ctx.clock.now().toISOString() }
  for (const { email: to } of owners) {
    await sendMail(ctx, { to, template: 'tier_changed', values, accountId })
  }
}
