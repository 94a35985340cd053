import { sql } from 'kysely'
import { z } from 'zod'
import { defineReader } from '#kernel/events.ts'

const Removed = z.object({ userId: z.string() })

/**
 * Makes the addresses worthless that a person had of their sessions in an account which they are no member of any more. The sessions
 * stay with the account; what is open by the old addresses is cut when their machine looks next, within 5 s.
 */
export const voidUrlsOfMember = defineReader({
  name: 'browsers.void_member_urls',
  kinds: ['member.removed'],
  from: 'now',
  async handle(ctx, { accountId, data }) {
    if (!accountId) return
    await ctx.db
      .updateTable('browserSessions')
      .set({ generation: sql<number>`generation + 1` })
      .where('accountId', '=', accountId)
      .where('userId', '=', Removed.parse(data).userId)
      .where('endedAt', 'is', null)
      .execute()
  },
})
