import { z } from 'zod'
import { defineJob } from '#kernel/jobs.ts'

const PENDING_MS = 24 * 60 * 60 * 1000

export const tidyFactors = defineJob({
  name: 'identity.tidy_second_factors',
  summary: 'Delete challenges, remembered devices and enrolments whose time is over',
  input: z.strictObject({}),
  cron: '*/10 * * * *',
  async run({ db, clock }) {
    const now = clock.now()
    await db.deleteFrom('signInChallenges').where('expiresAt', '<=', now).execute()
    await db.deleteFrom('passkeyCeremonies').where('expiresAt', '<=', now).execute()
    await db.deleteFrom('rememberedDevices').where('expiresAt', '<=', now).execute()
    await db
      .deleteFrom('totpSecrets')
      .where('state', '=', 'pending')
      .where('createdAt', '<', new Date(now.getTime() - PENDING_MS))
      .execute()
  },
})
