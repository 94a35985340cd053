import { sql } from 'kysely'
import { z } from 'zod'
import { defineJob } from '#kernel/jobs.ts'

const KEPT_MS = 90 * 24 * 60 * 60 * 1000
const BATCH = 1_000

export const tidyInvitations = defineJob({
  name: 'identity.tidy_invitations',
  summary: 'Delete invitations that ended 90 days ago',
  input: z.strictObject({}),
  cron: '17 3 * * *',
  async run({ db, clock }) {
    const ended = sql<Date>`least(expires_at, accepted_at, cancelled_at)`
    const old = db
      .selectFrom('invitations')
      .select('id')
      .where(ended, '<', new Date(clock.now().getTime() - KEPT_MS))
      .limit(BATCH)
    await db.deleteFrom('invitations').where('id', 'in', old).execute()
  },
})
