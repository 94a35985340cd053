import { Readable } from 'node:stream'
import { z } from 'zod'
import { linkTo, sendMail } from '#notifications/index.ts'
import { carryOut, holdRunning, OPERATION_RETRIES, type Progress } from '#operations/index.ts'
import type { Context } from '#kernel/context.ts'
import { defineJob } from '#kernel/jobs.ts'
import type { KeptRecords } from '#kernel/personal-records.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import { accountsLeftAlone } from '../leaving/what-goes.ts'
import { findUser, type UserRow } from '../users.ts'
import { exportReady } from './events.ts'
import { exportKind } from './kind.ts'
import { exportKey, markFailed } from './service.ts'
import type { DataExportRow } from './tables.ts'
import { exportText } from './text.ts'

interface Parts {
  store: ObjectStore
  records: readonly KeptRecords[]
}

const MAX_BYTES = 4 * 1024 ** 3
/** No try of the job is so long under way. */
const LOST_AFTER_MS = 24 * 60 * 60 * 1000
const BATCH = 200

export function exportJobs(parts: () => Parts) {
  const make = defineJob({
    ...exportKind,
    summary: 'Copy what is kept about a user, for that user',
    retryLimit: OPERATION_RETRIES,
    timeoutSeconds: 3_600,
    concurrency: 1,
    run: (ctx, { operationId, exportId }, run) =>
      carryOut(ctx, operationId, run, (_operation, progress) =>
        makeExport(ctx, parts(), exportId, progress),
      ),
  })
  const tidy = defineJob({
    name: 'identity.tidy_exports',
    summary: 'Delete the copies of users’ data whose time is over',
    input: z.strictObject({}),
    cron: '41 * * * *',
    run: async (ctx) => {
      for (let over = await findOver(ctx); over.length > 0; over = await findOver(ctx)) {
        for (const one of over) {
          ctx.signal.throwIfAborted()
          await removeExport(ctx, parts().store, one)
        }
      }
    },
  })
  return [make, tidy] as const
}

async function makeExport(
  ctx: Context,
  parts: Parts,
  id: string,
  progress: Progress,
): Promise<Record<string, unknown>> {
  const row = await ctx.db
    .selectFrom('dataExports')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst()
  const user = row && (await findUser(ctx.db, 'id', row.userId))
  if (!row || user?.status !== 'active') throw new Error('the user is not there any more')
  if (row.status === 'ready') return { exportId: id }
  try {
    return await store(ctx, parts, row, user, progress)
  } catch (error) {
    // A process that stops leaves it to the next try.
    if (!ctx.signal.aborted) await markFailed(ctx, id)
    throw error
  }
}

async function store(
  ctx: Context,
  { store, records }: Parts,
  row: DataExportRow,
  user: UserRow,
  progress: Progress,
): Promise<Record<string, unknown>> {
  const { id: userId, email } = user
  const accountIds = await ctx.transaction((ctx) => accountsLeftAlone(ctx, userId))
  const text = exportText(ctx, records, { userId, email, accountIds }, progress)
  const { bytes } = await store.put(exportKey(row), Readable.from(text), {
    ...{ contentType: 'application/json', maxBytes: MAX_BYTES, signal: ctx.signal },
  })
  // Deleted or cancelled meanwhile: nobody else would find what was just stored.
  if (!(await markReady(ctx, row, user, bytes))) await store.remove(exportKey(row))
  return { exportId: row.id, bytes }
}

function markReady(
  ctx: Context,
  { id, operationId, expiresAt }: DataExportRow,
  { id: userId, email: to, accountId }: UserRow,
  bytes: number,
): Promise<boolean> {
  return ctx.transaction(async (ctx) => {
    if (!(await holdRunning(ctx, operationId))) return false
    const ready = await ctx.db
      .updateTable('dataExports')
      .set({ status: 'ready', bytes: String(bytes), readyAt: ctx.clock.now() })
      .where('id', '=', id)
      .where('status', '=', 'making')
      .returning('id')
      .executeTakeFirst()
    if (!ready) return false
    await ctx.actingFor(accountId).events.emit(exportReady, { userId, exportId: id, bytes })
    const values = { link: linkTo(ctx, 'export', id), availableUntil: expiresAt.toISOString() }
    await sendMail(ctx, { to, template: 'export_ready', values, accountId })
    return true
  })
}

function findOver({ db, clock }: Context) {
  const lost = new Date(clock.now().getTime() - LOST_AFTER_MS)
  return db
    .selectFrom('dataExports')
    .select(['id', 'userId'])
    .where(({ and, or, eb }) =>
      or([
        eb('expiresAt', '<=', clock.now()),
        and([eb('status', '!=', 'ready'), eb('createdAt', '<=', lost)]),
      ]),
    )
    .limit(BATCH)
    .execute()
}

/** The object first: the row tells where it is. */
export async function removeExport(
  { db }: Context,
  store: ObjectStore,
  row: Pick<DataExportRow, 'id' | 'userId'>,
): Promise<void> {
  await store.remove(exportKey(row))
  await db.deleteFrom('dataExports').where('id', '=', row.id).execute()
}
