import { getOperation, operationNotFound } from '#operations/index.ts'
import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { cutPage, type PageQuery } from '#kernel/http/cursor.ts'
import type { BulkRow } from '../schema.ts'
import { KIND } from './kind.ts'
import type { BulkRowRow } from './tables.ts'

/** What became of a row. */
export type Outcome = Pick<BulkRowRow, 'status'> &
  Partial<Pick<BulkRowRow, 'userId' | 'code' | 'detail'>>

type RowKey = Pick<BulkRowRow, 'operationId' | 'position'>

/** The first row that waits. */
export function nextRow({ db }: Context, operationId: string): Promise<BulkRowRow | undefined> {
  return db
    .selectFrom('bulkRows')
    .selectAll()
    .where('operationId', '=', operationId)
    .where('status', '=', 'waiting')
    .orderBy('position')
    .limit(1)
    .executeTakeFirst()
}

/** Holds the row until the transaction ends; false when another worker has done it meanwhile. */
export async function claimRow({ db }: Context, row: RowKey): Promise<boolean> {
  const claimed = await db
    .selectFrom('bulkRows')
    .select('position')
    .where('operationId', '=', row.operationId)
    .where('position', '=', row.position)
    .where('status', '=', 'waiting')
    .forUpdate()
    .executeTakeFirst()
  return claimed !== undefined
}

/** Writes down what became of a row; what is written stays. */
export async function settleRow(
  { db }: Context,
  { operationId, position }: RowKey,
  outcome: Outcome,
): Promise<void> {
  await db
    .updateTable('bulkRows')
    .set(outcome)
    .where('operationId', '=', operationId)
    .where('position', '=', position)
    .where('status', '=', 'waiting')
    .execute()
}

/** How many rows there are of each status. */
export async function countRows({ db }: Context, operationId: string) {
  const counts = { waiting: 0, done: 0, unchanged: 0, refused: 0 }
  const rows = await db
    .selectFrom('bulkRows')
    .select(['status', sql<number>`count(*)::int`.as('count')])
    .where('operationId', '=', operationId)
    .groupBy('status')
    .execute()
  for (const { status, count } of rows) counts[status] = count
  return { ...counts, total: rows.reduce((sum, { count }) => sum + count, 0) }
}

/** What became of each row so far, in the order in which they were sent. @throws problem `operation.not_found` or `request.bad_cursor` */
export async function listRows(ctx: Context, operationId: string, { limit, cursor }: PageQuery) {
  const list = `bulk-rows ${operationId}`
  const after = cursor === undefined ? -1 : Number(ctx.cursors.open(list, cursor))
  const { kind } = await getOperation(ctx, operationId)
  if (!kind.startsWith(KIND)) throw operationNotFound({ id: operationId })
  const found = await ctx.db
    .selectFrom('bulkRows')
    .selectAll()
    .where('operationId', '=', operationId)
    .where('position', '>', after)
    .orderBy('position')
    .limit(limit + 1)
    .execute()
  const { rows, nextCursor } = cutPage(found, limit, ({ position }) =>
    ctx.cursors.seal(list, String(position)),
  )
  return { items: rows.map(presentRow), nextCursor }
}

function presentRow({ position, userId, person, status, code, detail }: BulkRowRow): BulkRow {
  return {
    row: position,
    ...(userId && { userId }),
    ...(person && { email: person.email }),
    status,
    ...(code && { code }),
    ...(detail && { detail }),
  }
}
