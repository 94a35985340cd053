import type { Context } from '#kernel/context.ts'
import { recoveryActions } from './actions.ts'
import { recoveryKind, type runRecovery } from './jobs.ts'
import type { OperationsParts } from './parts.ts'
import { problems } from './problems.ts'
import { createOperation } from './service.ts'
import type { OperationRow } from './tables.ts'

export function listActions(parts: OperationsParts) {
  return recoveryActions(parts).map(({ name, what }) => ({ name, what }))
}

/**
 * Starts the action as an operation and returns its id; a worker carries it out.
 *
 * @throws problem `recovery.unknown_action`
 */
export async function startRecovery(
  ctx: Context,
  parts: OperationsParts,
  job: ReturnType<typeof runRecovery>,
  action: string,
): Promise<string> {
  const known = listActions(parts).map(({ name }) => name)
  if (!known.includes(action)) {
    throw problems.unknownAction({ action, known: known.join(', ') })
  }
  const id = await ctx.transaction(async (ctx) => {
    const operationId = await createOperation(ctx, recoveryKind(action))
    await ctx.remember(operationId)
    await ctx.jobs.send(job, { operationId })
    return operationId
  })
  ctx.log.info({ action, operation: id }, 'recovery action asked for')
  return id
}

/** A recovery that any operator has started. @throws problem `operation.not_found` */
export async function getRecovery(ctx: Context, id: string): Promise<OperationRow> {
  const row = await ctx.db
    .selectFrom('operations')
    .selectAll()
    .where('id', '=', id)
    .where('kind', 'like', recoveryKind('%'))
    .executeTakeFirst()
  if (!row) throw problems.operationNotFound({ id })
  return row
}
