import { sql } from 'kysely'
import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { defineJob, type JobRun } from '#kernel/jobs.ts'
import { Problem } from '#kernel/problem.ts'
import { inBatches, purgeKeys, recoveryActions } from './actions.ts'
import type { OperationsParts, Progress } from './parts.ts'
import { beginOperation, endOperation, noteProgress } from './service.ts'
import type { OperationError } from './tables.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const OPERATIONS_KEPT_MS = 30 * DAY_MS
const COUNTS_KEPT_MS = 90 * DAY_MS
/** No run of a job lasts so long: nothing works on such an operation any more. */
const LOST_AFTER_MS = DAY_MS
const BATCH = 5_000
const RETRIES = 3

export const recoveryKind = (action: string) => `recovery.${action}`

export function runRecovery(running: () => OperationsParts) {
  return defineJob({
    name: 'operations.run_recovery',
    summary: 'Carry out a recovery action',
    input: z.strictObject({ operationId: z.string() }),
    retryLimit: RETRIES,
    timeoutSeconds: 600,
    run: (ctx, { operationId }, run) => recover(ctx, running(), operationId, run),
  })
}

async function recover(ctx: Context, parts: OperationsParts, id: string, run: JobRun) {
  const operation = await beginOperation(ctx, id)
  if (!operation) return
  const progress: Progress = (done, total, note) => noteProgress(ctx, id, { done, total, note })
  try {
    const actions = recoveryActions(parts)
    const action = actions.find(({ name }) => recoveryKind(name) === operation.kind)
    if (!action) throw new Error(`this process has no action for ${operation.kind}`)
    const result = await action.run(ctx, progress)
    await endOperation(ctx, id, { status: 'succeeded', result })
  } catch (error) {
    // The process is stopping or the try took too long; the action goes on at the next try.
    if (ctx.signal.aborted && run.retries < RETRIES) throw error
    ctx.log.error({ err: error, operation: id, kind: operation.kind }, 'recovery action failed')
    await endOperation(ctx, id, { status: 'failed', error: describe(ctx, error) })
  }
}

/** What is unforeseen stays in the log. */
function describe({ correlationId }: Context, error: unknown): OperationError {
  const { code, message } = error instanceof Problem ? error : httpProblems.internal()
  return { code, message, correlationId }
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
