import { z } from 'zod'
import { defineReader } from '#kernel/events.ts'
import { closeRow } from './service.ts'

const Leaving = z.object({ userId: z.string() })

/** Ends what a user has open who is to be deleted, in whatever account. Their browsers end when their machine looks next, within 5 s. */
export const endWithLeaver = defineReader({
  name: 'browsers.end_leaver_sessions',
  kinds: ['user.deletion_scheduled'],
  from: 'now',
  async handle(ctx, { data }) {
    const open = await ctx.db
      .selectFrom('browserSessions')
      .select(['id', 'accountId'])
      .where('userId', '=', Leaving.parse(data).userId)
      .where('endedAt', 'is', null)
      .orderBy('id')
      .execute()
    for (const { id, accountId } of open) {
      await closeRow(ctx.actingFor(accountId), id, { reason: 'user_deleted' })
    }
  },
})
