import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineReader } from '#kernel/events.ts'
import { defineJob } from '#kernel/jobs.ts'
import { closeRow } from './service.ts'

const Ended = z.object({ userId: z.string() })

/** Why the sessions end of a user whom this became of. */
const REASONS = {
  'user.deactivated': 'user_disabled',
  'user.deletion_scheduled': 'user_deleted',
} as const

/** Every process has forgotten by then that the user could start one. */
const LATE_MS = 6_000

/**
 * Ends what a user has open, in whatever account, once nobody may sign in as them. Its browsers end when their machine looks next,
 * within 5 s.
 */
export const endWithUser = defineReader({
  name: 'browsers.end_user_sessions',
  kinds: Object.keys(REASONS),
  from: 'now',
  async handle(ctx, { kind, data, occurredAt }) {
    const { userId } = Ended.parse(data)
    const reason = REASONS[kind as keyof typeof REASONS]
    await endSessions(ctx, { userId, reason })
    const startAfter = new Date(occurredAt.getTime() + LATE_MS)
    const input = { userId, reason, startedBefore: startAfter.toISOString() }
    await ctx.jobs.send(endLateSessions, input, { startAfter })
  },
})

export const endLateSessions = defineJob({
  name: 'browsers.end_late_sessions',
  summary:
    'End what a user started in the moment in which they were deactivated or were to be deleted',
  input: z.strictObject({
    ...{ userId: z.string(), startedBefore: z.iso.datetime() },
    reason: z.enum(Object.values(REASONS)),
  }),
  run: endSessions,
})

interface Ending {
  userId: string
  reason: (typeof REASONS)[keyof typeof REASONS]
  startedBefore?: string
}

async function endSessions(ctx: Context, { userId, reason, startedBefore }: Ending): Promise<void> {
  const open = await ctx.db
    .selectFrom('browserSessions')
    .select(['id', 'accountId'])
    .where('userId', '=', userId)
    .where('endedAt', 'is', null)
    .$if(startedBefore !== undefined, (rows) =>
      rows.where('createdAt', '<', new Date(startedBefore!)),
    )
    .orderBy('id')
    .execute()
  for (const { id, accountId } of open) {
    const acting = ctx.actingFor(accountId)
    await acting.transaction((acting) => closeRow(acting, id, { reason }))
  }
}
