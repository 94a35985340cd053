import type { Context } from '#kernel/context.ts'
import { createOperation } from '#operations/index.ts'
import type { verifyJob } from './jobs.ts'
import type { VerifyAudit } from './schema.ts'

/** Starts a verification as an operation and returns its id; a worker carries it out. */
export function startVerification(
  ctx: Context,
  job: ReturnType<typeof verifyJob>,
  range: VerifyAudit,
): Promise<string> {
  return ctx.transaction(async (ctx) => {
    const operationId = await createOperation(ctx, job.name)
    await ctx.remember(operationId)
    await ctx.jobs.send(job, { operationId, ...range })
    return operationId
  })
}
