import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { unbindKey } from '#kernel/http/bound-keys.ts'
import { cutPage, olderThan, timeText } from '#kernel/http/cursor.ts'
import { ended } from './events.ts'
import { letOwnEndFirst } from './own-end.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import type { ListSessions } from './schema.ts'
import { END_REASONS, type EndReason, type SessionState, states } from './states.ts'
import type { SessionRow, WipeCount } from './tables.ts'

/** @throws problem `session.not_found`, also for a session of another account */
export async function getSession(ctx: Context, id: string): Promise<SessionRow> {
  const row = await ctx.db
    .selectFrom('browserSessions')
    .selectAll()
    .where('id', '=', id)
    .where('accountId', '=', ctx.accountId)
    .executeTakeFirst()
  if (!row) throw problems.notFound({ id })
  return row
}

/** Newest first. */
export async function listSessions(ctx: Context, { limit, cursor, status }: ListSessions) {
  const place = ctx.cursors.read('sessions', cursor)
  let query = ctx.db
    .selectFrom('browserSessions')
    .selectAll()
    .select(timeText('createdAt').as('createdAtText'))
    .where('accountId', '=', ctx.accountId)
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
  if (status) query = query.where('status', '=', status)
  if (place) query = query.where(olderThan('createdAt', 'id', place))
  return cutPage(await query.execute(), limit, (row) =>
    ctx.cursors.write('sessions', { time: row.createdAtText, id: row.id }),
  )
}

/** The open sessions of one person, oldest first. */
export function openSessionsOf(ctx: Context, userId: string): Promise<SessionRow[]> {
  return ctx.db
    .selectFrom('browserSessions')
    .selectAll()
    .where('userId', '=', userId)
    .where('accountId', '=', ctx.accountId)
    .where('endedAt', 'is', null)
    .orderBy('createdAt')
    .limit(20)
    .execute()
}

/**
 * Ends a session and everything of it on the machine; of two at once one announces `session.ended`, and all return what the end
 * came to. One whose browser has crashed just before has ended by that. Where the machine cannot be reached, its next beat ends what
 * is left there.
 *
 * @throws problem `session.not_found`
 */
export async function endSession(
  ctx: Context,
  runtime: BrowserRuntime,
  id: string,
  reason: EndReason,
  errorMessage?: string,
): Promise<SessionRow> {
  const session = await getSession(ctx, id)
  if (session.wipe) return session
  if (reason === 'asked' || reason === 'disconnected') await letOwnEndFirst(ctx, runtime, session)
  const closed = await ctx.transaction((ctx) => closeRow(ctx, id, { reason, errorMessage }))
  runtime.settled(id)
  // As it is now: a session that waited a moment ago may have got its machine meanwhile.
  const { instanceId } = closed ?? (await getSession(ctx, id))
  if (!instanceId) return keepWipe(ctx, id, CLEAN)
  const wipe = await runtime.nodes
    .get(instanceId)
    ?.end(id)
    .catch((error: unknown) => {
      ctx.log.warn({ err: error, session: id }, 'the node was not told of the end of a session')
    })
  runtime.onPlace()
  return wipe ? keepWipe(ctx, id, wipe) : getSession(ctx, id)
}

/** A session that never had a machine leaves nothing on any. */
export const CLEAN: WipeCount = { processes: 0, directories: 0, sockets: 0 }

/** The first count stays. */
export function keepWipe(ctx: Context, id: string, wipe: WipeCount): Promise<SessionRow> {
  return wipedRow(ctx, id, wipe).executeTakeFirstOrThrow()
}

/** As `keepWipe`, of a browser whose session may never have had a row. */
export async function keepWipeIfAny(ctx: Context, id: string, wipe: WipeCount): Promise<void> {
  await wipedRow(ctx, id, wipe).execute()
}

function wipedRow(ctx: Context, id: string, wipe: WipeCount) {
  return ctx.db
    .updateTable('browserSessions')
    .set({ wipe: sql`coalesce(wipe, ${JSON.stringify(wipe)}::jsonb)` })
    .where('id', '=', id)
    .where('accountId', '=', ctx.accountId)
    .returningAll()
}

export interface Ending {
  reason: EndReason
  errorMessage?: string | undefined
  /** Only while it is in this state. */
  from?: SessionState
}

/**
 * Does nothing when the session has ended already. One that never had a browser gives its idempotency key back: a repeat of its
 * request makes another. Runs in the caller's transaction. Returns the row that it closed.
 */
export async function closeRow(
  ctx: Context,
  id: string,
  { reason, errorMessage, from }: Ending,
): Promise<SessionRow | undefined> {
  const status = END_REASONS[reason]
  const now = ctx.clock.now()
  const message = errorMessage && storable(errorMessage)
  const row = await ctx.db
    .updateTable('browserSessions')
    .set({
      status,
      endReason: reason,
      errorMessage: message ?? null,
      endedAt: now,
      // Nobody needs its credentials any more.
      proxySealed: null,
    })
    .where('id', '=', id)
    .where('accountId', '=', ctx.accountId)
    .where('status', 'in', from ? [from] : states.from(status))
    .returningAll()
    .executeTakeFirst()
  if (!row) return undefined
  if (!row.startedAt) await unbindKey(ctx.db, { accountId: ctx.accountId, resourceId: id })
  const durationSeconds = Math.max(0, Math.round((now.getTime() - row.createdAt.getTime()) / 1000))
  await ctx.events.emit(ended, {
    ...{ id, reason, durationSeconds },
    ...(message && { errorMessage: message }),
  })
  return row
}

/** What PostgreSQL can keep of a text that a browser or a machine has written. */
function storable(text: string): string {
  return text.slice(0, 1000).toWellFormed().replaceAll('\0', '')
}

export function actingUser(ctx: Context): string {
  if (ctx.actor.kind === 'user' || ctx.actor.kind === 'key') return ctx.actor.userId
  throw new Error('a session is made by a user')
}

export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
