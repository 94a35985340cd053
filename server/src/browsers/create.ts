import { preferencesOf } from '#identity/index.ts'
import type { Context } from '#kernel/context.ts'
import { tunnelsToUse } from '#tunnels/index.ts'
import { awaitPlace } from './await-place.ts'
import { throughBlip } from './awaited.ts'
import { isToldOf, tellNode } from './change.ts'
import { started } from './events.ts'
import { giveUp, giveUpUnsure } from './give-up.ts'
import { refuseHopeless } from './hopeless.ts'
import { insertSession } from './insert.ts'
import type { Reservation } from './node/reservation.ts'
import { nextNode } from './next-node.ts'
import { type OpenedSession, NodeFull, type SessionNode } from './node/session-node.ts'
import { problems } from './problems.ts'
import { queueAgain } from './queue-again.ts'
import type { BrowserRuntime } from './runtime.ts'
import type { CreateSession } from './schema.ts'
import { actingUser, describe, getSession } from './service.ts'
import { newSessions } from './settings.ts'
import { specOf } from './spec.ts'
import { states } from './states.ts'
import type { SessionRow } from './tables.ts'

/**
 * Starts a browser of its own for the caller and returns its session once the browser answers. When every place is taken the session
 * waits in the queue. Announces `session.created`, and `session.started` with its browser; after a failed launch the session stays as
 * `error` with the reason.
 *
 * @throws problem `session.paused`, `session.account_limit_reached`, `session.queue_full`, `session.limit_reached`,
 *   `session.no_machines`, `node.disk_full`, `session.queue_timeout`, `session.server_stopping`, `session.closed`,
 *   `browser.launch_failed`, or `tunnel.not_found` and others for a tunnel that the session may not have
 */
export async function createSession(
  ctx: Context,
  runtime: BrowserRuntime,
  input: CreateSession,
  userId: string = actingUser(ctx),
): Promise<SessionRow> {
  if (!ctx.settings.isOn(newSessions)) throw problems.paused()
  const begun = await beginSession(ctx, runtime, input, userId)
  if (begun.startedAt) return begun
  runtime.onPlace()
  return input.wait === false ? begun : awaitPlace(ctx, runtime, begun)
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
    const [[node], preferences, tunnels] = await Promise.all([
      runtime.nodes.candidates(ctx, userId),
      preferencesOf(ctx, userId),
      tunnelsOf(ctx, userId, input),
    ])
    if (!node) await refuseHopeless(ctx, runtime)
    const { row, reserved } = await insertSession(ctx, runtime, {
      ...{ id, userId, node, tunnels },
      input: withPreferences(input, preferences.browser),
      defaultTimeoutMs: preferences.browser.defaultTimeout ?? null,
    })
    if (reserved) return await take(ctx, runtime, row, reserved)
    if (row.status !== 'starting') return row
    return await startSession(ctx, runtime, row, node!, { waits: input.wait !== false })
  } finally {
    unmark()
  }
}

/** @throws problem `tunnel.not_found`, `tunnel.not_http` or `auth.forbidden` */
async function tunnelsOf(ctx: Context, userId: string, { tunnels = [] }: CreateSession) {
  const found = await tunnelsToUse(ctx, { userId, accountId: ctx.accountId }, tunnels)
  return found.map(({ id, name }) => ({ id, name }))
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

/** The row says that its browser runs, so that from here on the browser is the session's. */
async function take(
  ctx: Context,
  runtime: BrowserRuntime,
  row: SessionRow,
  reserved: Reservation,
): Promise<SessionRow> {
  try {
    await reserved.take()
    return row
  } catch (error) {
    throw await failed(ctx, runtime, row.id, error)
  }
}

interface Attempt {
  /** Whether the call that made the session waits for its place; unless given, its row says so already. */
  waits?: boolean
  /** The machines that have not taken it. */
  refused?: readonly string[]
}

/**
 * Starts the browser of a row that has its place, or on another machine when that one has none after all or does not answer. The row is
 * active afterwards, or queued again when no machine had a place.
 *
 * @throws problem `browser.launch_failed`, `session.limit_reached` or `session.closed`
 */
export async function startSession(
  ctx: Context,
  runtime: BrowserRuntime,
  row: SessionRow,
  node: SessionNode,
  { waits, refused = [] }: Attempt = {},
): Promise<SessionRow> {
  const startedMs = ctx.clock.monotonicMs()
  let opened: OpenedSession
  try {
    opened = await node.open(specOf(runtime.vault, row), ctx.signal)
  } catch (error) {
    if (error instanceof NodeFull) {
      const tried = [...refused, node.instanceId]
      const next = await nextNode(ctx, runtime, row, tried)
      if (!next) return queueAgain(ctx, runtime, row, { full: error, waits })
      return startSession(ctx, runtime, next.row, next.node, { waits, refused: tried })
    }
    throw await failed(ctx, runtime, row.id, error)
  }
  const launchMs = Math.round(ctx.clock.monotonicMs() - startedMs)
  const active = await activate(ctx, runtime, row, node, { launchMs, ...opened })
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
  const ending = { reason: 'launch_failed', errorMessage: reason } as const
  const { endReason } = await giveUp(ctx, runtime, id, ending)
  if (endReason !== 'launch_failed') return problems.closed({ id, endReason })
  return problems.launchFailed({ reason, cause: error })
}

/** The browser runs; unless somebody has ended the session meanwhile, in which case the browser is ended too. */
async function activate(
  ctx: Context,
  runtime: BrowserRuntime,
  { id }: SessionRow,
  node: SessionNode,
  facts: { launchMs: number; warm: boolean },
): Promise<SessionRow> {
  const marking = throughBlip(ctx, ctx.signal, () => markActive(ctx, id, facts))
  const row = await marking.catch(async (error: unknown) => {
    await Promise.allSettled([node.end(id), giveUpUnsure(ctx, runtime, id)])
    throw error
  })
  if (row) return row
  const now = await throughBlip(ctx, ctx.signal, () => getSession(ctx, id))
  // The commit of an earlier try was lost on its way back: nobody else makes it active.
  if (now.status === 'active') return now
  await node.end(id)
  throw problems.closed({ id, endReason: now.endReason ?? 'asked' })
}

/** Binds the idempotency key of a create that did not wait: one without a browser may be tried again with it. */
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
