import { z } from 'zod'
import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { defineJob } from '#kernel/jobs.ts'
import { deliver } from './deliver.ts'
import type { Running } from './parts.ts'
import { deliverKind, queueAttempt } from './send.ts'

/** More than a transport's deadline. */
const TIMEOUT_SECONDS = 120
/** All tries of a lost job are over by then. */
const LOST_AFTER_MS = 15 * 60 * 1000
const KEPT_MS = 30 * 24 * 60 * 60 * 1000
const BATCH = 500

export const sweepKind = { name: 'notifications.sweep_mails', input: z.strictObject({}) }

export function jobs(running: Running) {
  return [
    defineJob({
      ...deliverKind,
      summary: 'Send one mail',
      timeoutSeconds: TIMEOUT_SECONDS,
      concurrency: 4,
      run: (ctx, input) => deliver(ctx, running(), input),
    }),
    defineJob({
      ...sweepKind,
      summary: 'Queue mails again whose job was lost, and delete what is kept no longer',
      cron: '*/10 * * * *',
      run: async (ctx) => {
        await queueLost(ctx)
        await deleteOld(ctx)
      },
    }),
  ]
}

/** Counts as the next attempt, so that a mail which ends every process that touches it is given up too. */
async function queueLost(ctx: Context): Promise<void> {
  const lost = await ctx.db
    .selectFrom('mails')
    .select(['id', 'attempts', 'accountId'])
    .where('endedAt', 'is', null)
    .where('dueAt', '<', before(ctx, LOST_AFTER_MS))
    .orderBy('dueAt')
    .limit(BATCH)
    .execute()
  for (const { id, attempts, accountId } of lost) {
    await queueAttempt(accountId ? ctx.actingFor(accountId) : ctx, id, attempts)
  }
}

async function deleteOld(ctx: Context): Promise<void> {
  await sql`
    delete from mails where id in (
      select id from mails where ended_at < ${before(ctx, KEPT_MS)} limit ${BATCH * 10}
    )`.execute(ctx.db)
}

function before({ clock }: Context, ms: number): Date {
  return new Date(clock.now().getTime() - ms)
}
