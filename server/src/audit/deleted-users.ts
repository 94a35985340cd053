import { z } from 'zod'
import { defineReader } from '#kernel/events.ts'
import { eraseJob } from './jobs.ts'

const Deleted = z.object({ userId: z.string() })

/** Has the log forget who a deleted user was. */
export const eraseTheDeleted = defineReader({
  name: 'audit.erase_deleted_users',
  kinds: ['user.deleted'],
  from: 'now',
  async handle(ctx, { data }) {
    const { userId } = Deleted.parse(data)
    await ctx.jobs.send(eraseJob, { userId }, { uniqueKey: userId })
  },
})
