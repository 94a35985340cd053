import { sql } from 'kysely'
import { preferencesOf } from '#identity/index.ts'
import type { Context } from '#kernel/context.ts'
import { isToldOf, tellNode } from './change.ts'
import { created, started } from './events.ts'
import {
  type OpenedSession,
  NodeFull,
  type SessionNode,
  type SessionSpec,
} from './node/session-node.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import {
  type CreateSession,
  DEFAULT_IDLE_TIMEOUT_SECONDS,
  DEFAULT_QUEUE_TIMEOUT_SECONDS,
  DEFAULT_TIMEOUT_SECONDS,
  DEFAULT_VIEWPORT,
} from './schema.ts'
import { actingUser, describe, endSession, getSession } from './service.ts'
import { newSessions, queueLength, queuePerAccount, sessionsPerAccount } from './settings.ts'
import { states } from './states.ts'
import type { SessionRow } from './tables.ts'

/** Longest that the call itself waits; a session that has no place by then goes on waiting, and its row says so. */
const LONGEST_WAIT_MS = 100_000
const LOOK_AGAIN_MS = 1_000

/**
 * Starts a browser of its own for the caller and returns its session once the browser answers. When every place is taken the session
 * waits in the queue. Announces `session.created`, `session.started`, and `session.queued` where it has to wait; after a failed launch
 * the session stays as `error` with the reason.
 *
 * @throws problem `session.paused`, `session.limit_reached`, `session.queue_full`, `session.queue_timeout`,
 *   `session.account_limit_reached` or `browser.launch_failed`
 */
export async function createSession(
  ctx: Context,
  runtime: BrowserRuntime,
  input: CreateSession,
  userId: string = actingUser(ctx),
): Promise<SessionRow> {
  if (!ctx.settings.isOn(newSessions)) throw problems.paused()
  const begun = await beginSession(ctx, runtime, input, userId)
  if (begun.status !== 'queued') return begun
  runtime.onPlace()
  const row = input.wait === false ? begun : await awaitPlace(ctx, runtime, begun)
  await ctx.remember(row.id)
  return row
}

/** The session as its first attempt leaves it: active, or waiting for a place. */
async function beginSession(
  ctx: Context,
  runtime: BrowserRuntime,
  input: CreateSession,
  userId: string,
): Promise<SessionRow> {
  const id = ctx.newId('ses')
  const unmark = runtime.starting.mark(id)
  try {
    const [[node], preferences] = await Promise.all([
      runtime.nodes.candidates(ctx, userId),
      preferencesOf(ctx, userId),
    ])
    if (!node && (await runtime.nodes.isHopeless(ctx))) throw problems.noMachines()
    const row = await insertSession(ctx, runtime, {
      ...{ id, userId, node },
      input: withPreferences(input, preferences.browser),
      defaultTimeoutMs: preferences.browser.defaultTimeout ?? null,
    })
    return row.status === 'starting' ? await startSession(ctx, runtime, row, node!) : row
  } finally {
    unmark()
  }
}

type Preferences = Awaited<ReturnType<typeof preferencesOf>>['browser']

/** What the caller leaves open is as the user prefers it. */
function withPreferences(
  input: CreateSession,
  { defaultViewport, defaultUserAgent }: Preferences,
): CreateSession {
  return {
    ...(defaultViewport && { viewport: defaultViewport }),
    ...(defaultUserAgent && { userAgent: defaultUserAgent }),
    ...input,
  }
}

interface NewSession {
  id: string
  userId: string
  input: CreateSession
  defaultTimeoutMs: number | null
  /** Where it would start at once. */
  node: SessionNode | undefined
}

async function insertSession(
  ctx: Context,
  runtime: BrowserRuntime,
  { id, userId, input, defaultTimeoutMs, node }: NewSession,
): Promise<SessionRow> {
  const now = ctx.clock.now()
  const timeoutSeconds = input.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS
  const queueSeconds = input.queueTimeoutSeconds ?? DEFAULT_QUEUE_TIMEOUT_SECONDS
  const { proxy, ...egress } = input.egress ?? {}
  return ctx.transaction(async (ctx) => {
    const { isFirst } = await checkLimits(ctx, queueSeconds > 0 && !node)
    const place = isFirst ? node : undefined
    if (!place && queueSeconds === 0) throw problems.limitReached({ retryAfterSeconds: 5 })
    // No later commit is about to follow.
    if (!place) await sql`select set_config('synchronous_commit', 'on', true)`.execute(ctx.db)
    if (!place) await sql`select set_config('synchronous_commit', 'on', true)`.execute(ctx.db)
    const row = await ctx.db
      .insertInto('browserSessions')
      .values({
        ...{ id, userId, timeoutSeconds, defaultTimeoutMs, accountId: ctx.accountId },
        instanceId: place?.instanceId ?? null,
        status: place ? 'starting' : 'queued',
        viewport: JSON.stringify(input.viewport ?? DEFAULT_VIEWPORT),
        userAgent: input.userAgent ?? null,
        locale: input.locale ?? null,
        timezone: input.timezone ?? null,
        egress: input.egress ? JSON.stringify(egress) : null,
        proxySealed: proxy ? runtime.vault.seal(id, proxy) : null,
        recording: input.recording ? JSON.stringify(input.recording) : null,
        idleTimeoutSeconds: input.idleTimeoutSeconds ?? DEFAULT_IDLE_TIMEOUT_SECONDS,
        metadata: JSON.stringify(input.metadata ?? {}),
        createdAt: now,
        lastActivityAt: now,
        queuedUntil: new Date(now.getTime() + queueSeconds * 1000),
        expiresAt: new Date(now.getTime() + timeoutSeconds * 1000),
      })
      .returningAll()
      .executeTakeFirstOrThrow()
    await ctx.events.emit(created, { id, userId, ...(place && { instanceId: place.instanceId }) })
    return row
  })
}

/**
 * Creates of one account wait for each other here, so that two of them cannot share the last place. Tells whether nobody waits.
 *
 * @throws problem `session.account_limit_reached` or `session.queue_full`
 */
async function checkLimits(ctx: Context, mustWait: boolean): Promise<{ isFirst: boolean }> {
  // The next commit, that of the started session, takes this one's row to the disk along; what a crash loses before that had no browser.
  await sql`select set_config('synchronous_commit', 'off', true),
    pg_advisory_xact_lock(hashtextextended(${ctx.accountId}, 0))`.execute(ctx.db)
  const { rows } = await sql<Record<'open' | 'waiting' | 'waitingOwn', number>>`
    select
      (select count(*)::int from browser_sessions
        where account_id = ${ctx.accountId} and ended_at is null) as open,
      count(*)::int as waiting,
      (count(*) filter (where account_id = ${ctx.accountId}))::int as waiting_own
    from browser_sessions where status = 'queued'`.execute(ctx.db)
  const { open, waiting, waitingOwn } = rows[0]!
  const limit = ctx.settings.get(sessionsPerAccount)
  if (open >= limit) throw problems.accountLimitReached({ limit })
  if (mustWait || waiting > 0) refuseFull(ctx, waiting, waitingOwn)
  return { isFirst: waiting === 0 }
}

function refuseFull(ctx: Context, waiting: number, waitingOwn: number): void {
  const retryAfterSeconds = 10
  const limit = ctx.settings.get(queueLength)
  if (waiting >= limit)
    throw problems.queueFull({ limit, whose: 'of everybody', retryAfterSeconds })
  const own = ctx.settings.get(queuePerAccount)
  if (waitingOwn >= own) {
    throw problems.queueFull({ limit: own, whose: 'of your account', retryAfterSeconds })
  }
}

/**
 * Starts the browser of a row that has its place. The row is active afterwards, or queued again when the machine had none.
 *
 * @throws problem `browser.launch_failed` or `session.closed`
 */
export async function startSession(
  ctx: Context,
  runtime: BrowserRuntime,
  row: SessionRow,
  node: SessionNode,
): Promise<SessionRow> {
  const startedMs = ctx.clock.monotonicMs()
  let opened: OpenedSession
  try {
    opened = await node.open(specOf(runtime, row), ctx.signal)
  } catch (error) {
    if (error instanceof NodeFull) return queueAgain(ctx, runtime, row, error)
    throw await failed(ctx, runtime, row.id, error)
  }
  const launchMs = Math.round(ctx.clock.monotonicMs() - startedMs)
  const active = await activate(ctx, row, node, { launchMs, ...opened })
  return isToldOf(row, active) ? active : await catchUp(ctx, runtime, active)
}

/** What was changed while the browser started. A session that cannot be as its row says is none. */
async function catchUp(ctx: Context, runtime: BrowserRuntime, row: SessionRow) {
  try {
    return await tellNode(ctx, runtime, row, { egress: true })
  } catch (error) {
    throw await failed(ctx, runtime, row.id, error)
  }
}

async function failed(ctx: Context, runtime: BrowserRuntime, id: string, error: unknown) {
  const reason = describe(error)
  const { endReason } = await endSession(ctx, runtime, id, 'launch_failed', reason)
  if (endReason !== 'launch_failed') return problems.closed({ id, endReason })
  return problems.launchFailed({ reason, cause: error })
}

/** @throws problem `session.limit_reached` for one that does not wait, `session.closed` for one that has ended */
async function queueAgain(
  ctx: Context,
  runtime: BrowserRuntime,
  row: SessionRow,
  full: NodeFull,
): Promise<SessionRow> {
  const { id } = row
  if (!row.queuedUntil || row.queuedUntil <= row.createdAt) {
    await endSession(ctx, runtime, id, 'queue_timeout', full.message)
    throw problems.limitReached({ retryAfterSeconds: full.retryAfterSeconds, cause: full })
  }
  const queued = await ctx.db
    .updateTable('browserSessions')
    .set({ status: 'queued', instanceId: null })
    .where('id', '=', id)
    .where('accountId', '=', ctx.accountId)
    .where('status', 'in', states.from('queued'))
    .returningAll()
    .executeTakeFirst()
  if (queued) return queued
  throw problems.closed({ id, endReason: (await getSession(ctx, id)).endReason ?? 'asked' })
}

/** The browser runs; unless somebody has ended the session meanwhile, in which case the browser is ended too. */
async function activate(
  ctx: Context,
  { id }: SessionRow,
  node: SessionNode,
  facts: { launchMs: number; warm: boolean },
): Promise<SessionRow> {
  const row = await markActive(ctx, id, facts).catch(async (error: unknown) => {
    // Nobody looks after this browser; the next beat ends the row that it leaves.
    await node.end(id)
    throw error
  })
  if (row) return row
  await node.end(id)
  throw problems.closed({ id, endReason: (await getSession(ctx, id)).endReason ?? 'asked' })
}

/** An idempotency key is bound here and no earlier: a create that failed may be tried again with it. */
async function markActive(
  ctx: Context,
  id: string,
  { launchMs, warm }: { launchMs: number; warm: boolean },
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
    await ctx.events.emit(started, { id, launchMs, warm })
    await ctx.remember(id)
    return row
  })
}

/**
 * Waits until the session has its browser, or has waited as long as a call may. A caller who goes away takes the session along.
 *
 * @throws problem `session.queue_timeout`, `browser.launch_failed` or `session.closed`
 */
async function awaitPlace(
  ctx: Context,
  runtime: BrowserRuntime,
  { id }: SessionRow,
): Promise<SessionRow> {
  const giveUpMs = ctx.clock.monotonicMs() + LONGEST_WAIT_MS
  try {
    for (;;) {
      await runtime.whenSettled(id, LOOK_AGAIN_MS, ctx.signal)
      const row = await getSession(ctx, id)
      if (row.endedAt) throw refusal(row)
      if (row.status === 'active') return row
      if (runtime.stopping.aborted) throw await turnedAway(ctx, runtime, id)
      if (ctx.clock.monotonicMs() > giveUpMs) return row
    }
  } catch (error) {
    if (ctx.signal.aborted) await endSession(ctx, runtime, id, 'asked', 'the caller went away')
    throw error
  }
}

async function turnedAway(ctx: Context, runtime: BrowserRuntime, id: string) {
  await endSession(ctx, runtime, id, 'server_stopped', 'it still waited for a place')
  return problems.stopping({ retryAfterSeconds: 5 })
}

function refusal({ id, endReason, errorMessage, queuedUntil, createdAt }: SessionRow) {
  if (endReason === 'queue_timeout') {
    const seconds = queuedUntil ? (queuedUntil.getTime() - createdAt.getTime()) / 1000 : 0
    return problems.queueTimeout({ id, seconds, retryAfterSeconds: 10 })
  }
  if (endReason === 'launch_failed') return problems.launchFailed({ reason: errorMessage })
  return problems.closed({ id, endReason })
}

function specOf({ vault }: BrowserRuntime, row: SessionRow): SessionSpec {
  const { id, accountId, generation, viewport, userAgent, locale, timezone } = row
  const upstream = row.proxySealed && vault.open(id, row.proxySealed)
  const egress = { ...row.egress, ...(upstream && { upstream }) }
  return {
    ...{ id, accountId, generation, egress, idleSeconds: row.idleTimeoutSeconds },
    identity: {
      viewport,
      ...(userAgent && { userAgent }),
      ...(locale && { locale }),
      ...(timezone && { timezone }),
    },
    expiresAtMs: row.expiresAt.getTime(),
    ...(row.recording && { recording: row.recording }),
    ...(row.defaultTimeoutMs && { defaultTimeoutMs: row.defaultTimeoutMs }),
  }
}
