import { z } from 'zod'
import { carryOut, holdRunning, OPERATION_RETRIES, type Progress } from '#operations/index.ts'
import type { Context } from '#kernel/context.ts'
import { defineJob } from '#kernel/jobs.ts'
import { Problem } from '#kernel/problem.ts'
import { setStaff } from '../../staff/change.ts'
import type { Tools } from '../../tools.ts'
import { makeUser } from '../create.ts'
import { removeUser } from '../remove.ts'
import { BulkWork } from '../schema.ts'
import { deactivateUser, reactivateUser } from '../suspend.ts'
import { changeTier } from '../tier.ts'
import { claimRow, countRows, nextRow, type Outcome, settleRow } from './rows.ts'
import type { BulkRowRow } from './tables.ts'

/** What the job gets. */
export const runKind = {
  name: 'identity.change_many_users',
  input: z.strictObject({
    operationId: z.string(),
    caller: z.strictObject({ userId: z.string(), accountId: z.string(), signInId: z.string() }),
    work: BulkWork,
  }),
}

export function runBulk(tools: () => Tools) {
  return defineJob({
    ...runKind,
    summary: 'Change many users, one by one',
    retryLimit: OPERATION_RETRIES,
    timeoutSeconds: 600,
    run: (ctx, { operationId, caller, work }, run) =>
      carryOut(ctx, operationId, run, (_operation, progress) => {
        // What the caller may is looked up for every row.
        const actor = { kind: 'user', roles: [], ...caller } as const
        const acting = ctx.with({ actor, accountId: caller.accountId })
        return changeAll(tools(), acting, { operationId, work, progress })
      }),
  })
}

interface Bulk {
  operationId: string
  work: BulkWork
  progress: Progress
}

/**
 * Each row is changed and marked in one transaction, so that whoever goes on after a kill changes none twice. Returns how many rows
 * ended how.
 */
async function changeAll(tools: Tools, ctx: Context, { operationId, work, progress }: Bulk) {
  const apply = applierOf(tools, work)
  for (let row; (row = await nextRow(ctx, operationId));) {
    ctx.signal.throwIfAborted()
    await changeOne(ctx, row, apply)
    const { waiting, total } = await countRows(ctx, operationId)
    await progress(total - waiting, total)
  }
  const { done, unchanged, refused } = await countRows(ctx, operationId)
  return { done, unchanged, refused }
}

async function changeOne(ctx: Context, row: BulkRowRow, apply: Apply): Promise<void> {
  try {
    await ctx.transaction(async (ctx) => {
      // Until this row is done, nobody has cancelled the operation.
      if (!(await holdRunning(ctx, row.operationId))) return
      if (!(await claimRow(ctx, row))) return
      await settleRow(ctx, row, await apply(ctx, row))
    })
  } catch (error) {
    const isRefusal = error instanceof Problem && error.status < 500
    if (!isRefusal) throw error
    await settleRow(ctx, row, { status: 'refused', code: error.code, detail: error.message })
  }
}

type Apply = (ctx: Context, row: BulkRowRow) => Promise<Outcome>

/** What is done to one row. */
function applierOf(tools: Tools, work: BulkWork): Apply {
  if (work.operation === 'create') {
    return async (ctx, { person }) => {
      const { id } = await makeUser(tools, ctx, person!)
      return { status: 'done', userId: id }
    }
  }
  return async (ctx, { userId }) => {
    const isChanged = await change(tools, ctx, userId!, work)
    return { status: isChanged ? 'done' : 'unchanged' }
  }
}

async function change(
  tools: Tools,
  ctx: Context,
  userId: string,
  work: Exclude<BulkWork, { operation: 'create' }>,
): Promise<boolean> {
  switch (work.operation) {
    case 'deactivate':
      return deactivateUser(tools, ctx, userId, work)
    case 'reactivate':
      return reactivateUser(tools, ctx, userId)
    case 'tier':
      return changeTier(ctx, userId, work)
    case 'delete':
      await removeUser(tools, ctx, userId)
      return true
    case 'roles':
      await setStaff(tools, ctx, userId, work)
      return true
  }
}
