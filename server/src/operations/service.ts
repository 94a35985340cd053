import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { operationEnded } from './events.ts'
import { problems } from './problems.ts'
import { states } from './states.ts'
import type { OperationError, OperationRow } from './tables.ts'

/** Makes an operation of the signed-in user in the caller's transaction; the caller queues what carries it out. */
export async function createOperation(ctx: Context, kind: string): Promise<string> {
  if (!('userId' in ctx.actor)) throw new Error('an operation is started by a user')
  const id = ctx.newId('op')
  const { userId } = ctx.actor
  await ctx.db
    .insertInto('operations')
    .values({
      ...{ id, kind, userId, accountId: ctx.accountId, createdAt: ctx.clock.now() },
      status: 'queued',
    })
    .execute()
  return id
}

/** @throws problem `operation.not_found`, also for one of another account */
export async function getOperation(ctx: Context, id: string): Promise<OperationRow> {
  const row = await ctx.db
    .selectFrom('operations')
    .selectAll()
    .where('id', '=', id)
    .where('accountId', '=', ctx.accountId)
    .executeTakeFirst()
  if (!row) throw problems.operationNotFound({ id })
  return row
}

/** Takes the operation for a run, the first or one that goes on after a kill; nothing when it has ended. */
export async function beginOperation(ctx: Context, id: string): Promise<OperationRow | undefined> {
  return ctx.db
    .updateTable('operations')
    .set({ status: 'running', startedAt: sql<Date>`coalesce(started_at, ${ctx.clock.now()})` })
    .where('id', '=', id)
    .where('status', 'in', [...states.from('running'), 'running'])
    .returningAll()
    .executeTakeFirst()
}

export async function noteProgress(
  ctx: Context,
  id: string,
  progress: { done: number; total: number | null; note?: string },
): Promise<void> {
  await ctx.db
    .updateTable('operations')
    .set({ ...progress, note: progress.note ?? null })
    .where('id', '=', id)
    .where('status', '=', 'running')
    .execute()
}

type Outcome =
  | { status: 'succeeded'; result: unknown }
  | { status: 'failed'; error: OperationError }

/** Ends the operation and announces `operation.ended`; of two at once the first wins. */
export async function endOperation(ctx: Context, id: string, outcome: Outcome): Promise<void> {
  const { status } = outcome
  await ctx.transaction(async (ctx) => {
    const row = await ctx.db
      .updateTable('operations')
      .set({
        status,
        endedAt: ctx.clock.now(),
        ...(outcome.status === 'succeeded'
          ? { result: JSON.stringify(outcome.result) }
          : { error: JSON.stringify(outcome.error) }),
      })
      .where('id', '=', id)
      .where('status', 'in', states.from(status))
      .returningAll()
      .executeTakeFirst()
    if (!row) return
    const { kind, userId } = row
    await ctx.actingFor(row.accountId).events.emit(operationEnded, { id, kind, userId, status })
  })
}
