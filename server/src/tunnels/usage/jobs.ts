import { sql } from 'kysely'
import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineReader } from '#kernel/events.ts'
import { defineJob, type JobKind } from '#kernel/jobs.ts'
import type { Running } from '../parts.ts'
import { foldUsage } from './fold.ts'
import { monthOf } from './period.ts'
import { judgeQuota, judgeQuotas } from './quota.ts'
import { renewSpecs } from './renew.ts'
import { periodMonths, usageDays } from './settings.ts'

const Nothing = z.strictObject({})
const DAY_MS = 24 * 60 * 60 * 1000
const CHUNK = 5_000

const fold = defineJob({
  name: 'tunnels.fold_usage',
  summary: 'Moves the figures of old minutes into hours, and of old hours into days',
  input: Nothing,
  cron: '*/10 * * * *',
  concurrency: 1,
  run: (ctx) => foldUsage(ctx),
})

const tidy = defineJob({
  name: 'tunnels.tidy_usage',
  summary: 'Deletes figures of tunnels that are older than they are kept',
  input: Nothing,
  cron: '47 3 * * *',
  run: (ctx) => tidyUsage(ctx),
})

/** A limit that an admin has changed holds within a minute. */
const judge = defineJob({
  name: 'tunnels.judge_quotas',
  summary: 'Lets accounts be blocked, and open again, by the limits that hold now',
  input: Nothing,
  cron: '* * * * *',
  concurrency: 1,
  run: judgeQuotas,
})

export function usageJobs(running: Running): JobKind[] {
  return [fold, tidy, judge, renewSpecs(running)]
}

export const judgeNewTier = defineReader({
  name: 'tunnels.judge_new_tier',
  kinds: ['account.tier_changed'],
  from: 'now',
  handle: async (ctx, { accountId }) => {
    if (accountId !== null) await judgeQuota(ctx, accountId)
  },
})

export async function tidyUsage(ctx: Context): Promise<void> {
  const now = ctx.clock.now()
  const before = new Date(now.getTime() - ctx.settings.get(usageDays) * DAY_MS)
  await deleteInChunks(ctx, 'tunnel_usage', sql`span = 'day' and at < ${before}`)
  await deleteInChunks(ctx, 'tunnel_usage_journals', sql`last_at < ${before}`)
  const months = ctx.settings.get(periodMonths)
  const oldest = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months))
  const isOver = sql`period < ${monthOf(oldest).name}`
  await deleteInChunks(ctx, 'tunnel_usage_periods', isOver)
  await deleteInChunks(ctx, 'tunnel_quotas', isOver)
}

async function deleteInChunks(
  { db, signal }: Context,
  table: string,
  which: ReturnType<typeof sql>,
): Promise<void> {
  for (let deleted = CHUNK; deleted === CHUNK;) {
    signal.throwIfAborted()
    const { numAffectedRows = 0n } = await sql`
      delete from ${sql.table(table)} where ctid = any(array(
        select ctid from ${sql.table(table)} where ${which} limit ${CHUNK}))`.execute(db)
    deleted = Number(numAffectedRows)
  }
}
