import { sql } from 'kysely'
import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineJob } from '#kernel/jobs.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const KEPT_MS = 90 * DAY_MS
/** Longer than any lock. */
const FAILURES_KEPT_MS = 2 * DAY_MS
const BATCH = 5_000

/** What is deleted, and when: by a table, its time and how old that may be. */
const TIDIED = [
  { table: 'attempts', time: 'ends_at', keptMs: 0 },
  { table: 'one_time_tokens', time: 'expires_at', keptMs: 0 },
  { table: 'socket_tickets', time: 'expires_at', keptMs: 0 },
  { table: 'provider_visits', time: 'expires_at', keptMs: 0 },
  { table: 'password_failures', time: 'last_at', keptMs: FAILURES_KEPT_MS },
  { table: 'sign_in_records', time: 'at', keptMs: KEPT_MS },
  { table: 'sign_ins', time: 'expires_at', keptMs: KEPT_MS },
]

export const tidySignIns = defineJob({
  name: 'identity.tidy_sign_ins',
  summary:
    'Delete links, tickets, visits to providers and counts that are over, and sign-ins that ended 90 days ago',
  input: z.strictObject({}),
  cron: '*/10 * * * *',
  async run(ctx) {
    const nowMs = ctx.clock.now().getTime()
    for (const { table, time, keptMs } of TIDIED) {
      const before = new Date(nowMs - keptMs)
      while ((await deleteBatch(ctx, table, time, before)) === BATCH) ctx.signal.throwIfAborted()
    }
  },
})

async function deleteBatch({ db }: Context, table: string, time: string, before: Date) {
  const { numAffectedRows } = await sql`
    delete from ${sql.table(table)} where ctid in (
      select ctid from ${sql.table(table)} where ${sql.ref(time)} < ${before} limit ${BATCH}
    )`.execute(db)
  return Number(numAffectedRows)
}
