import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineJob } from '#kernel/jobs.ts'
import type { KeptRecords } from '#kernel/personal-records.ts'
import type { Tools } from '../tools.ts'
import { eraseUser } from './erase.ts'

const AT_ONCE = 1_000

interface Parts {
  tools: Tools
  records: readonly KeptRecords[]
}

/** Deletes those whose days of grace are over; one who could not be is tried again at the next sweep. */
export function leavingJobs(parts: () => Parts) {
  const erase = defineJob({
    name: 'identity.erase_user',
    summary: 'Delete a user for good, and what is kept about them',
    input: z.strictObject({ userId: z.string() }),
    timeoutSeconds: 1_800,
    run: (ctx, { userId }) => eraseUser(parts().tools, ctx, userId, parts().records),
  })
  const sweep = defineJob({
    name: 'identity.sweep_departures',
    summary: 'Find the users who are to be deleted now',
    input: z.strictObject({}),
    cron: '*/5 * * * *',
    run: async (ctx) => {
      for (const userId of await due(ctx))
        await ctx.jobs.send(erase, { userId }, { uniqueKey: userId })
    },
  })
  return [erase, sweep] as const
}

async function due({ db, clock }: Context): Promise<string[]> {
  const rows = await db
    .selectFrom('departures')
    .select('userId')
    .where('endedAt', 'is', null)
    .where('dueAt', '<=', clock.now())
    .orderBy('dueAt')
    .limit(AT_ONCE)
    .execute()
  return rows.map(({ userId }) => userId)
}
