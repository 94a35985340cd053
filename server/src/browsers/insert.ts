import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { fact } from '#kernel/events.ts'
import { Problem } from '#kernel/problem.ts'
import { lockAccount } from './account-lock.ts'
import { bindWaiting } from './awaited.ts'
import { created, started } from './events.ts'
import { giveUpUnsure } from './give-up.ts'
import { type Begun, type Reservation, ReservationFailed } from './node/reservation.ts'
import type { SessionNode } from './node/session-node.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import {
  type CreateSession,
  DEFAULT_IDLE_TIMEOUT_SECONDS,
  DEFAULT_QUEUE_TIMEOUT_SECONDS,
  DEFAULT_TIMEOUT_SECONDS,
  DEFAULT_VIEWPORT,
} from './schema.ts'
import { queueLength, queuePerAccount, sessionsPerAccount } from './settings.ts'
import { specOf } from './spec.ts'
import type { SessionRow, SessionTunnel } from './tables.ts'

export interface NewSession {
  id: string
  userId: string
  input: CreateSession
  tunnels: readonly SessionTunnel[]
  defaultTimeoutMs: number | null
  /** Where it would start at once. */
  node: SessionNode | undefined
}

/** What is done in this process while the row is written, once it is certain that the session has its place. */
interface Meanwhile {
  /** Claims a browser that is ready, if there still is one. */
  reserve?(): Reservation | undefined
  /** Sets about a browser that the session gets once it has its row. */
  begin?(): void
}

/**
 * Writes the row of a new session: `starting`, or `queued` where it has to wait. Where this process has a browser ready, that is claimed
 * meanwhile and the row is `active` from the start; the reservation is then the caller's to take. Without a row there is none. Where it
 * has none ready, it begins to launch one meanwhile.
 *
 * @throws problem `session.account_limit_reached`, `session.queue_full` or `session.limit_reached`
 */
export async function insertSession(
  ctx: Context,
  runtime: BrowserRuntime,
  wanted: NewSession,
): Promise<{ row: SessionRow; reserved?: Reservation | undefined }> {
  const draft = draftOf(ctx, runtime, wanted)
  const { own, vault } = runtime
  if (!own || own !== wanted.node) return { row: await insert(ctx, wanted, draft) }
  const spec = specOf(vault, draft)
  // A recording begins before its row is active: what is killed in between would be without it.
  const isAtOnce = own.host.isReady(spec.identity) && !draft.recording
  if (!isAtOnce) return { row: await insertBeginning(ctx, wanted, draft, () => own.begin(spec)) }
  let reserved: Reservation | undefined
  try {
    const reserve = () => (reserved ??= own.reserve(spec, ctx.signal))
    const row = await insert(ctx, wanted, draft, { reserve })
    if (row.status === 'active') return { row, reserved }
    await reserved?.drop()
    return { row }
  } catch (error) {
    await reserved?.drop()
    if (error instanceof ReservationFailed) return { row: await insert(ctx, wanted, draft) }
    if (reserved && !(error instanceof Problem)) await giveUpUnsure(ctx, runtime, draft.id)
    throw error
  }
}

/** Without a row that starts there is no browser either. */
async function insertBeginning(
  ctx: Context,
  wanted: NewSession,
  draft: Draft,
  begin: () => Begun | undefined,
): Promise<SessionRow> {
  let begun: Begun | undefined
  try {
    const row = await insert(ctx, wanted, draft, { begin: () => void (begun ??= begin()) })
    if (row.status !== 'starting') await begun?.drop()
    return row
  } catch (error) {
    await begun?.drop()
    throw error
  }
}

type Draft = ReturnType<typeof draftOf>

function draftOf(
  ctx: Context,
  { vault }: BrowserRuntime,
  { id, userId, input, tunnels, defaultTimeoutMs }: NewSession,
) {
  const now = ctx.clock.now()
  const timeoutSeconds = input.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS
  const queueSeconds = input.queueTimeoutSeconds ?? DEFAULT_QUEUE_TIMEOUT_SECONDS
  const { proxy, ...egress } = input.egress ?? {}
  return {
    ...{ id, userId, timeoutSeconds, defaultTimeoutMs, accountId: ctx.accountId, generation: 0 },
    viewport: input.viewport ?? DEFAULT_VIEWPORT,
    userAgent: input.userAgent ?? null,
    locale: input.locale ?? null,
    timezone: input.timezone ?? null,
    egress: input.egress ? egress : null,
    tunnels: tunnels.length > 0 ? [...tunnels] : null,
    proxySealed: proxy ? vault.seal(id, proxy) : null,
    recording: input.recording ?? null,
    idleTimeoutSeconds: input.idleTimeoutSeconds ?? DEFAULT_IDLE_TIMEOUT_SECONDS,
    metadata: input.metadata ?? {},
    createdAt: now,
    lastActivityAt: now,
    queuedUntil: new Date(now.getTime() + queueSeconds * 1000),
    expiresAt: new Date(now.getTime() + timeoutSeconds * 1000),
  }
}

/** @throws ReservationFailed when the browser could not be had after all: then there must be no row that says so */
async function insert(
  ctx: Context,
  { id, userId, input, node }: NewSession,
  draft: Draft,
  { reserve, begin }: Meanwhile = {},
): Promise<SessionRow> {
  const beganMs = ctx.clock.monotonicMs()
  const isNotToWait = draft.queuedUntil <= draft.createdAt
  return ctx.transaction(async (ctx) => {
    await lockAccount(ctx, { durable: reserve !== undefined })
    const { isFirst } = await checkLimits(ctx, !isNotToWait && !node)
    const place = isFirst ? node : undefined
    if (!place && isNotToWait) throw problems.limitReached({ retryAfterSeconds: 5 })
    // No later commit is about to follow.
    if (!place) await sql`select set_config('synchronous_commit', 'on', true)`.execute(ctx.db)
    const reserved = place && reserve?.()
    if (place) begin?.()
    const status = reserved ? 'active' : place ? 'starting' : 'queued'
    const row = await insertRow(ctx, draft, {
      ...{ status, instanceId: place?.instanceId ?? null },
      startedAt: reserved ? draft.createdAt : null,
    })
    const instance = place && { instanceId: place.instanceId }
    const launchMs = Math.round(ctx.clock.monotonicMs() - beganMs)
    await ctx.events.emitAll([
      fact(created, { id, userId, ...instance }),
      ...(reserved ? [fact(started, { id, launchMs, warm: true })] : []),
    ])
    if (status === 'queued') await bindWaiting(ctx, id, input.wait !== false)
    if (reserved) await ctx.remember(id)
    // Last, so that the claim goes on beside all that is written.
    await reserved?.claimed
    return row
  })
}

type Beginning = Pick<SessionRow, 'status' | 'instanceId' | 'startedAt'>

function insertRow(ctx: Context, draft: Draft, beginning: Beginning): Promise<SessionRow> {
  const { viewport, egress, tunnels, recording, metadata } = draft
  return ctx.db
    .insertInto('browserSessions')
    .values({
      ...{ ...draft, ...beginning },
      viewport: JSON.stringify(viewport),
      egress: egress && JSON.stringify(egress),
      tunnels: tunnels && JSON.stringify(tunnels),
      recording: recording && JSON.stringify(recording),
      metadata: JSON.stringify(metadata),
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

/**
 * Tells whether nobody waits.
 *
 * @throws problem `session.account_limit_reached` or `session.queue_full`
 */
async function checkLimits(ctx: Context, mustWait: boolean): Promise<{ isFirst: boolean }> {
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
