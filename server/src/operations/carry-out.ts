import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { JobRun } from '#kernel/jobs.ts'
import { Problem } from '#kernel/problem.ts'
import type { Progress } from './parts.ts'
import { beginOperation, endOperation, noteProgress } from './service.ts'
import type { OperationError, OperationRow } from './tables.ts'

/** Ends the work of an operation that was cancelled. */
class Cancelled extends Error {}

/** Tries of a job that carries out an operation, after the first. */
export const OPERATION_RETRIES = 3

/**
 * Carries out an operation in one try of its job, and ends it with what the work returns or fails with. A try that was interrupted
 * leaves the operation to the next one; `work` has to bear that. The progress of an operation that was cancelled throws, which ends its work.
 */
export async function carryOut(
  ctx: Context,
  id: string,
  run: JobRun,
  work: (operation: OperationRow, progress: Progress) => Promise<Record<string, unknown>>,
): Promise<void> {
  const operation = await beginOperation(ctx, id)
  if (!operation) return
  const { kind } = operation
  const progress: Progress = async (done, total, note) => {
    if (!(await noteProgress(ctx, id, { done, total, note }))) throw new Cancelled()
  }
  try {
    const result = await work(operation, progress)
    await endOperation(ctx, id, { status: 'succeeded', result })
  } catch (error) {
    if (error instanceof Cancelled) return ctx.log.info({ operation: id, kind }, 'work cancelled')
    // The process is stopping or the try took too long; the work goes on at the next try.
    if (ctx.signal.aborted && run.retries < OPERATION_RETRIES) throw error
    ctx.log.error({ err: error, operation: id, kind }, 'operation failed')
    await endOperation(ctx, id, { status: 'failed', error: describe(ctx, error) })
  }
}

/** What is unforeseen stays in the log. */
export function describe({ correlationId }: Context, error: unknown): OperationError {
  const { code, message } = error instanceof Problem ? error : httpProblems.internal()
  return { code, message, correlationId }
}
