import { sql } from 'kysely'
import { defineReader } from '#kernel/events.ts'

/**
 * Makes the addresses worthless of all open sessions in an account that somebody is no member of any more: every member can read them,
 * and nothing tells which of them a person has kept. The sessions stay with the account, and show new addresses; what is open by the
 * old ones is cut when their machine looks next, within 5 s.
 */
export const voidUrlsOfMember = defineReader({
  name: 'browsers.void_member_urls',
  kinds: ['member.removed'],
  from: 'now',
  async handle(ctx, { accountId }) {
    if (!accountId) return
    await ctx.db
      .updateTable('browserSessions')
      .set({ generation: sql<number>`generation + 1` })
      .where('accountId', '=', accountId)
      .where('endedAt', 'is', null)
      .execute()
  },
})
