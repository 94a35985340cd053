import { z } from 'zod'
import { defineReader } from '#kernel/events.ts'
import { closeRow } from './service.ts'

const Disabled = z.object({ userId: z.string() })

/** Ends what a user has open, in whatever account, once nobody may sign in as them. Its browsers end when their machine looks next, within 5 s. */
export const endWithUser = defineReader({
  name: 'browsers.end_user_sessions',
  kinds: ['user.deactivated', 'user.deletion_scheduled'],
  from: 'now',
  async handle(ctx, { data }) {
    const open = await ctx.db
      .selectFrom('browserSessions')
      .select(['id', 'accountId'])
      .where('userId', '=', Disabled.parse(data).userId)
      .where('endedAt', 'is', null)
      .orderBy('id')
      .execute()
    for (const { id, accountId } of open) {
      await closeRow(ctx.actingFor(accountId), id, { reason: 'user_disabled' })
    }
  },
})
