import { sql } from 'kysely'
import { z } from 'zod'
import { defineJob } from '#kernel/jobs.ts'
import { SHOWN_AGAIN_MS } from './show-again.ts'

const KEPT_MS = 90 * 24 * 60 * 60 * 1000
const BATCH = 1_000

export const tidyKeys = defineJob({
  name: 'identity.tidy_api_keys',
  summary: 'Forget API keys that are not shown again, and delete those that ended 90 days ago',
  input: z.strictObject({}),
  cron: '*/5 * * * *',
  async run({ db, clock }) {
    const nowMs = clock.now().getTime()
    await db
      .updateTable('apiKeys')
      .set({ sealedKey: null })
      .where('sealedKey', 'is not', null)
      .where('createdAt', '<', new Date(nowMs - SHOWN_AGAIN_MS))
      .execute()
    const ended = sql<Date>`least(expires_at, revoked_at, overlap_ends_at)`
    const old = db
      .selectFrom('apiKeys')
      .select('id')
      .where(ended, '<', new Date(nowMs - KEPT_MS))
      .limit(BATCH)
    await db.deleteFrom('apiKeys').where('id', 'in', old).execute()
  },
})
