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

/** @throws problem `operation.not_found`, also for one that somebody else has started */
export async function getOwnOperation(ctx: Context, id: string): Promise<OperationRow> {
  const row = await getOperation(ctx, id)
  if ('userId' in ctx.actor && row.userId === ctx.actor.userId) return row
  throw problems.operationNotFound({ id })
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

/** Whether the operation still runs; it may have been cancelled. */
export async function noteProgress(
  ctx: Context,
  id: string,
  progress: { done: number; total: number | null; note?: string },
): Promise<boolean> {
  const { numUpdatedRows } = await ctx.db
    .updateTable('operations')
    .set({ ...progress, note: progress.note ?? null })
    .where('id', '=', id)
    .where('status', '=', 'running')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/**
 * Whether the operation is still to be carried out. It stays so until the transaction of the caller ends: whoever cancels it waits, and
 * nothing is done after that.
 */
export async function holdRunning(ctx: Context, id: string): Promise<boolean> {
  const running = await ctx.db
    .selectFrom('operations')
    .select('id')
    .where('id', '=', id)
    .where('status', '=', 'running')
    .forShare()
    .executeTakeFirst()
  return running !== undefined
}

/** Whether nothing is done for the operation any more, in whatever account it was started; also for one that is kept no longer. */
export async function isOver({ db }: Context, id: string): Promise<boolean> {
  const open = await db
    .selectFrom('operations')
    .select('id')
    .where('id', '=', id)
    .where('endedAt', 'is', null)
    .executeTakeFirst()
  return open === undefined
}

/** How many operations of the account whose kind begins so have not ended. */
export async function countOpen(ctx: Context, kindPrefix: string): Promise<number> {
  const { count } = await ctx.db
    .selectFrom('operations')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('accountId', '=', ctx.accountId)
    .where('endedAt', 'is', null)
    .where(sql<boolean>`starts_with(kind, ${kindPrefix})`)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/**
 * Cancels an operation that the caller has started; what it has done so far stays done. Announces `operation.ended`.
 *
 * @throws problem `operation.not_found`, or `operation.ended`
 */
export async function cancelOperation(ctx: Context, id: string): Promise<OperationRow> {
  await getOwnOperation(ctx, id)
  const isCancelled = await endOperation(ctx, id, { status: 'cancelled' })
  const now = await getOperation(ctx, id)
  if (!isCancelled) throw problems.operationEnded({ id, status: now.status })
  return now
}

type Outcome =
  | { status: 'succeeded'; result: unknown }
  | { status: 'failed'; error: OperationError }
  | { status: 'cancelled' }

/** Ends the operation and announces `operation.ended`; of two at once the first wins. Whether it was this call that ended it. */
export async function endOperation(ctx: Context, id: string, outcome: Outcome): Promise<boolean> {
  const { status } = outcome
  return ctx.transaction(async (ctx) => {
    const row = await ctx.db
      .updateTable('operations')
      .set({
        status,
        endedAt: ctx.clock.now(),
        ...('result' in outcome && { result: JSON.stringify(outcome.result) }),
        ...('error' in outcome && { error: JSON.stringify(outcome.error) }),
      })
      .where('id', '=', id)
      .where('status', 'in', states.from(status))
      .returningAll()
      .executeTakeFirst()
    if (!row) return false
    const { kind, userId } = row
    await ctx.actingFor(row.accountId).events.emit(operationEnded, { id, kind, userId, status })
    return true
  })
}
