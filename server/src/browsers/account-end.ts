import { defineReader } from '#kernel/events.ts'
import { closeRow } from './service.ts'

/** Ends what an account has open once it is deleted. Its browsers end when their machine looks next, within 5 s. */
export const endWithAccount = defineReader({
  name: 'browsers.end_account_sessions',
  kinds: ['account.deleted'],
  from: 'now',
  async handle(ctx, { accountId }) {
    if (!accountId) return
    const acting = ctx.actingFor(accountId)
    const open = await ctx.db
      .selectFrom('browserSessions')
      .select('id')
      .where('accountId', '=', accountId)
      .where('endedAt', 'is', null)
      .orderBy('id')
      .execute()
    for (const { id } of open) await closeRow(acting, id, { reason: 'account_deleted' })
  },
})
