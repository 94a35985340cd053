import { createOperation, isOver } from '#operations/index.ts'
import type { Context } from '#kernel/context.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import { sqlState } from '#kernel/transaction.ts'
import { requireStepUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { admitExport } from '../exports.ts'
import { signedInActor } from '../users.ts'
import { exportDownloaded, exportRequested } from './events.ts'
import { exportProblems } from './problems.ts'
import type { StartedExport } from './schema.ts'
import type { DataExportRow } from './tables.ts'
import { exportKind } from './kind.ts'

const KEPT_MS = 7 * 24 * 60 * 60 * 1000
const URL_SECONDS = 300
const UNIQUE_VIOLATION = '23505'

/** Where the copy is kept; nobody gets at it but by an address that is signed. */
export function exportKey({ id, userId }: Pick<DataExportRow, 'id' | 'userId'>): string {
  return `exports/${userId}/${id}.json`
}

/**
 * Starts a copy of what is kept about the caller; announces `user.export_requested`. A worker makes it, and mails when it is ready.
 *
 * @throws problem `auth.step_up_required`, `auth.too_many_attempts` after three in a day, or `export.under_way`
 */
export async function startExport(tools: Tools, ctx: Context): Promise<StartedExport> {
  const { userId } = signedInActor(ctx)
  await requireStepUp(ctx)
  await tools.attempts.take('data_export', userId)
  return insertExport(ctx, userId).catch(async (error: unknown) => {
    if (sqlState(error) !== UNIQUE_VIOLATION) throw error
    await tools.attempts.giveBack('data_export', userId)
    throw exportProblems.underWay()
  })
}

function insertExport(ctx: Context, userId: string): Promise<StartedExport> {
  return ctx.transaction(async (ctx) => {
    await failBrokenOff(ctx, userId)
    const exportId = ctx.newId('exp')
    const operationId = await createOperation(ctx, exportKind.name)
    const createdAt = ctx.clock.now()
    const expiresAt = new Date(createdAt.getTime() + KEPT_MS)
    await ctx.db
      .insertInto('dataExports')
      .values({ id: exportId, userId, operationId, status: 'making', createdAt, expiresAt })
      .execute()
    await ctx.events.emit(exportRequested, { userId, exportId })
    await ctx.jobs.send(exportKind, { operationId, exportId })
    return { operationId, exportId }
  })
}

/** One whose operation was cancelled, or lost, is made no further, and is in the way of no other. */
async function failBrokenOff(ctx: Context, userId: string): Promise<void> {
  const making = await ctx.db
    .selectFrom('dataExports')
    .select(['id', 'operationId'])
    .where('userId', '=', userId)
    .where('status', '=', 'making')
    .executeTakeFirst()
  if (making && (await isOver(ctx, making.operationId))) await markFailed(ctx, making.id)
}

export async function markFailed({ db }: Context, id: string): Promise<void> {
  await db
    .updateTable('dataExports')
    .set({ status: 'failed' })
    .where('id', '=', id)
    .where('status', '=', 'making')
    .execute()
}

/** @throws problem `export.not_found`, also for one of somebody else */
export async function getExport(ctx: Context, id: string): Promise<DataExportRow> {
  const row = await ctx.db
    .selectFrom('dataExports')
    .selectAll()
    .where('id', '=', id)
    .where('userId', '=', signedInActor(ctx).userId)
    .where('expiresAt', '>', ctx.clock.now())
    .executeTakeFirst()
  if (!row) throw exportProblems.notFound({ id })
  return row
}

/**
 * An address to download the copy from, for 5 minutes; announces `user.export_downloaded`.
 *
 * @throws problem `auth.step_up_required`, `export.not_found` or `export.not_ready`
 */
export async function downloadExport(ctx: Context, store: ObjectStore, id: string) {
  await requireStepUp(ctx)
  const row = await getExport(ctx, id)
  const { userId, status } = row
  if (status !== 'ready') throw exportProblems.notReady({ id, status })
  await admitExport(ctx, { what: 'person', id })
  const url = await store.signedUrl(exportKey(row), {
    ...{ method: 'GET', expiresInSeconds: URL_SECONDS, downloadName: 'my-data.json' },
  })
  await ctx.transaction((ctx) => ctx.events.emit(exportDownloaded, { userId, exportId: id }))
  const expiresAt = new Date(ctx.clock.now().getTime() + URL_SECONDS * 1000)
  return { url, expiresAt: expiresAt.toISOString() }
}
