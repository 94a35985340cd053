import { sql } from 'kysely'
import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineJob, type JobRun } from '#kernel/jobs.ts'
import { inBatches, purgeKeys, recoveryActions } from './actions.ts'
import { carryOut, describe, OPERATION_RETRIES } from './carry-out.ts'
import type { OperationsParts } from './parts.ts'
import { endOperation } from './service.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const OPERATIONS_KEPT_MS = 30 * DAY_MS
const COUNTS_KEPT_MS = 90 * DAY_MS
/** No run of a job lasts so long: nothing works on such an operation any more. */
const LOST_AFTER_MS = DAY_MS
const BATCH = 5_000

export const recoveryKind = (action: string) => `recovery.${action}`

export function runRecovery(running: () => OperationsParts) {
  return defineJob({
    name: 'operations.run_recovery',
    summary: 'Carry out a recovery action',
    input: z.strictObject({ operationId: z.string() }),
    retryLimit: OPERATION_RETRIES,
    timeoutSeconds: 600,
    run: (ctx, { operationId }, run) => recover(ctx, running(), operationId, run),
  })
}

function recover(ctx: Context, parts: OperationsParts, id: string, run: JobRun) {
  return carryOut(ctx, id, run, ({ kind }, progress) => {
    const action = recoveryActions(parts).find(({ name }) => recoveryKind(name) === kind)
    if (!action) throw new Error(`this process has no action for ${kind}`)
    return action.run(ctx, progress)
  })
}

export const purgeOld = defineJob({
  name: 'operations.purge_old',
  summary: 'Delete what is kept no longer: idempotency keys, ended operations, problem counts',
  input: z.strictObject({}),
  cron: '17 3 * * *',
  run: async (ctx) => {
    const failed = await failLost(ctx)
    const keys = await purgeKeys(ctx)
    const operations = await inBatches(ctx, () => deleteEnded(ctx))
    const counts = await inBatches(ctx, () => deleteCounts(ctx))
    ctx.log.info({ failed, keys, operations, counts }, 'old rows deleted')
  },
})

async function failLost(ctx: Context): Promise<number> {
  const lost = await ctx.db
    .selectFrom('operations')
    .select('id')
    .where('endedAt', 'is', null)
    .where('createdAt', '<', before(ctx, LOST_AFTER_MS))
    .limit(BATCH)
    .execute()
  for (const { id } of lost) {
    ctx.log.warn({ operation: id }, 'operation was lost')
    await endOperation(ctx, id, { status: 'failed', error: describe(ctx, new Error('lost')) })
  }
  return lost.length
}

async function deleteEnded(ctx: Context): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from operations where id in (
      select id from operations where ended_at < ${before(ctx, OPERATIONS_KEPT_MS)} limit ${BATCH}
    )`.execute(ctx.db)
  return Number(numAffectedRows)
}

async function deleteCounts(ctx: Context): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from problem_counts where ctid in (
      select ctid from problem_counts where hour < ${before(ctx, COUNTS_KEPT_MS)} limit ${BATCH}
    )`.execute(ctx.db)
  return Number(numAffectedRows)
}

function before({ clock }: Context, ms: number): Date {
  return new Date(clock.now().getTime() - ms)
}
