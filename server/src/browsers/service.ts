import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { cutPage, olderThan, timeText } from '#kernel/http/cursor.ts'
import { created, ended, started } from './events.ts'
import type { Identity } from './host/host.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import {
  type CreateSession,
  DEFAULT_IDLE_TIMEOUT_SECONDS,
  DEFAULT_TIMEOUT_SECONDS,
  DEFAULT_VIEWPORT,
  type ListSessions,
} from './schema.ts'
import { newSessions, sessionsPerAccount } from './settings.ts'
import { END_REASONS, type EndReason, states } from './states.ts'
import type { SessionRow } from './tables.ts'

/**
 * Starts a browser of its own for the caller and returns its session once the browser answers. Announces `session.created` and
 * `session.started`; after a failed launch the session stays as `error` with the reason.
 *
 * @throws problem `session.paused`, `session.limit_reached`, `session.account_limit_reached` or `browser.launch_failed`
 */
export async function createSession(
  ctx: Context,
  runtime: BrowserRuntime,
  input: CreateSession,
  userId: string = actingUser(ctx),
): Promise<SessionRow> {
  if (!ctx.settings.isOn(newSessions)) throw problems.paused()
  const id = ctx.newId('ses')
  if (!runtime.reserve(id)) {
    throw problems.limitReached({ limit: runtime.capacity, retryAfterSeconds: 5 })
  }
  try {
    const row = await insertSession(ctx, runtime, id, userId, input)
    return await startSession(ctx, runtime, row)
  } finally {
    runtime.release(id)
  }
}

async function insertSession(
  ctx: Context,
  runtime: BrowserRuntime,
  id: string,
  userId: string,
  input: CreateSession,
): Promise<SessionRow> {
  const now = ctx.clock.now()
  const timeoutSeconds = input.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS
  return ctx.transaction(async (ctx) => {
    await checkAccountLimit(ctx)
    const row = await ctx.db
      .insertInto('browserSessions')
      .values({
        ...{ id, userId, timeoutSeconds, accountId: ctx.accountId, instanceId: runtime.instanceId },
        status: 'starting',
        viewport: JSON.stringify(input.viewport ?? DEFAULT_VIEWPORT),
        userAgent: input.userAgent ?? null,
        locale: input.locale ?? null,
        timezone: input.timezone ?? null,
        idleTimeoutSeconds: input.idleTimeoutSeconds ?? DEFAULT_IDLE_TIMEOUT_SECONDS,
        metadata: JSON.stringify(input.metadata ?? {}),
        createdAt: now,
        lastActivityAt: now,
        expiresAt: new Date(now.getTime() + timeoutSeconds * 1000),
      })
      .returningAll()
      .executeTakeFirstOrThrow()
    await ctx.events.emit(created, { id, userId, instanceId: runtime.instanceId })
    return row
  })
}

/** Creates of one account wait for each other here, so that two of them cannot share the last place. */
async function checkAccountLimit(ctx: Context): Promise<void> {
  const limit = ctx.settings.get(sessionsPerAccount)
  await sql`select pg_advisory_xact_lock(hashtextextended(${ctx.accountId}, 0))`.execute(ctx.db)
  const { open } = await ctx.db
    .selectFrom('browserSessions')
    .select((row) => row.fn.countAll<string>().as('open'))
    .where('accountId', '=', ctx.accountId)
    .where('endedAt', 'is', null)
    .executeTakeFirstOrThrow()
  if (Number(open) >= limit) throw problems.accountLimitReached({ limit })
}

async function startSession(
  ctx: Context,
  runtime: BrowserRuntime,
  row: SessionRow,
): Promise<SessionRow> {
  const startedMs = ctx.clock.monotonicMs()
  try {
    await runtime.host.launch(row.id, identityOf(row), { signal: ctx.signal })
  } catch (error) {
    const { id, endReason } = await endSession(
      ctx,
      runtime,
      row.id,
      'launch_failed',
      describe(error),
    )
    if (endReason !== 'launch_failed') throw problems.closed({ id, endReason })
    throw problems.launchFailed({ reason: describe(error), cause: error })
  }
  const launchMs = Math.round(ctx.clock.monotonicMs() - startedMs)
  return activate(ctx, runtime, row, launchMs)
}

/** The browser runs; unless somebody has ended the session meanwhile, in which case the browser is ended too. */
async function activate(
  ctx: Context,
  runtime: BrowserRuntime,
  { id }: SessionRow,
  launchMs: number,
): Promise<SessionRow> {
  const row = await markActive(ctx, id, launchMs).catch(async (error: unknown) => {
    // Nobody looks after this browser; the keeper ends the row that it leaves.
    await runtime.host.end(id)
    throw error
  })
  if (row) {
    runtime.add(live(row))
    return row
  }
  await runtime.host.end(id)
  throw problems.closed({ id, endReason: (await getSession(ctx, id)).endReason ?? 'asked' })
}

/** An idempotency key is bound here and no earlier: a create that failed may be tried again with it. */
async function markActive(
  ctx: Context,
  id: string,
  launchMs: number,
): Promise<SessionRow | undefined> {
  const now = ctx.clock.now()
  return ctx.transaction(async (ctx) => {
    const row = await ctx.db
      .updateTable('browserSessions')
      .set({ status: 'active', startedAt: now, lastActivityAt: now })
      .where('id', '=', id)
      .where('accountId', '=', ctx.accountId)
      .where('status', 'in', states.from('active'))
      .returningAll()
      .executeTakeFirst()
    if (!row) return undefined
    await ctx.events.emit(started, { id, launchMs })
    await ctx.remember(id)
    return row
  })
}

/** What the process keeps of a session that is active. */
export function live(row: SessionRow) {
  return {
    id: row.id,
    accountId: row.accountId,
    expiresAtMs: row.expiresAt.getTime(),
    idleMs: row.idleTimeoutSeconds * 1000,
    lastActivityMs: row.lastActivityAt.getTime(),
  }
}

export function identityOf(row: SessionRow): Identity {
  return {
    viewport: row.viewport,
    ...(row.userAgent && { userAgent: row.userAgent }),
    ...(row.locale && { locale: row.locale }),
    ...(row.timezone && { timezone: row.timezone }),
  }
}

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
 * came to.
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
  if (session.wipe && !runtime.get(id)) return session
  await closeRow(ctx, id, reason, errorMessage)
  const wipe = await runtime.end(id)
  if (wipe.processes + wipe.directories + wipe.sockets > 0) {
    ctx.log.error({ session: id, wipe }, 'an ended session left something behind')
  }
  return ctx.db
    .updateTable('browserSessions')
    .set({ wipe: sql`coalesce(wipe, ${JSON.stringify(wipe)}::jsonb)` })
    .where('id', '=', id)
    .where('accountId', '=', ctx.accountId)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Nothing when the session has ended already. */
async function closeRow(
  ctx: Context,
  id: string,
  reason: EndReason,
  errorMessage: string | undefined,
): Promise<void> {
  const status = END_REASONS[reason]
  const now = ctx.clock.now()
  await ctx.transaction(async (ctx) => {
    const row = await ctx.db
      .updateTable('browserSessions')
      .set({
        status,
        endReason: reason,
        errorMessage: errorMessage?.slice(0, 1000) ?? null,
        endedAt: now,
      })
      .where('id', '=', id)
      .where('accountId', '=', ctx.accountId)
      .where('status', 'in', states.from(status))
      .returning(['createdAt'])
      .executeTakeFirst()
    if (!row) return
    const durationSeconds = Math.max(
      0,
      Math.round((now.getTime() - row.createdAt.getTime()) / 1000),
    )
    await ctx.events.emit(ended, {
      id,
      reason,
      durationSeconds,
      ...(errorMessage && { errorMessage }),
    })
  })
}

export function actingUser(ctx: Context): string {
  if (ctx.actor.kind !== 'user') throw new Error('a session is made by a user')
  return ctx.actor.userId
}

export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
