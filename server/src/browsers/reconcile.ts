import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { SessionFacts } from './node/session-node.ts'
import { closeRow, endSession, getSession } from './service.ts'
import type { BrowserRuntime } from './runtime.ts'
import type { SessionRow } from './tables.ts'
import { countUnwipedLater } from './unwiped.ts'

/** A create may be on its way for this long in another process before its row counts as forgotten. */
const STARTING_MS = 90_000
/** A beat may have been this long on its way, and know nothing of what has started meanwhile. */
const BEAT_MS = 15_000
const MAX_ROWS = 10_000

export interface Beat {
  instanceId: string
  /** What the node has. Asked after the rows were read where it is in this process, so that nothing falls in between. */
  sessions: () => readonly SessionFacts[]
  /** Whether the node is in this process. */
  own: boolean
}

/**
 * Brings rows and browsers of one node together: a session that the node does not have is lost, one that the database does not have
 * open is to be ended there. Returns the latter. Keeps what the node says of the others.
 */
export async function reconcile(
  ctx: Context,
  runtime: BrowserRuntime,
  beat: Beat,
): Promise<string[]> {
  const open = await openRows(ctx, beat.instanceId)
  const sessions = beat.sessions()
  const there = new Set(sessions.map(({ id }) => id))
  if (beat.own) await revokeHere(ctx, runtime, open)
  for (const row of open) {
    if (isGivenUp(ctx, runtime, beat, row)) await endGivenUp(ctx, runtime, beat, row)
    else if (!there.has(row.id) && isForgotten(ctx, runtime, beat, row)) {
      await endHere(ctx, runtime, beat, row, LOST)
    }
  }
  await keepFacts(ctx, open, sessions)
  const known = new Set(open.filter(({ status }) => status === 'active').map(({ id }) => id))
  const others = sessions.map(({ id }) => id).filter((id) => !known.has(id))
  return others.length === 0 ? [] : withoutOpen(ctx, beat.instanceId, others)
}

/** Cuts what was opened by URLs that another process has revoked, which does not reach the node of this one. */
async function revokeHere(
  ctx: Context,
  { own }: BrowserRuntime,
  open: readonly SessionRow[],
): Promise<void> {
  for (const { id, generation } of open) {
    await own?.revoke(id, generation).catch((error: unknown) => {
      ctx.log.warn({ err: error, session: id }, 'a revocation could not be kept')
    })
  }
}

/** Those that have no open row on this machine, also none that was made a moment ago. */
async function withoutOpen(
  ctx: Context,
  instanceId: string,
  ids: readonly string[],
): Promise<string[]> {
  const rows = await ctx.db
    .selectFrom('browserSessions')
    .select('id')
    .where('id', 'in', ids)
    .where('instanceId', '=', instanceId)
    .where('endedAt', 'is', null)
    .execute()
  const open = new Set(rows.map(({ id }) => id))
  return ids.filter((id) => !open.has(id))
}

/** Keeps what a node in another process says of its sessions. */
export async function reconcileFacts(
  ctx: Context,
  instanceId: string,
  sessions: readonly SessionFacts[],
): Promise<void> {
  if (sessions.length > 0) await keepFacts(ctx, await openRows(ctx, instanceId), sessions)
}

/** Every session of a machine that is gone is lost. The rows say so first; then the machine is told, should it still listen. */
export async function endSessionsOf(
  ctx: Context,
  runtime: BrowserRuntime | undefined,
  instanceId: string,
): Promise<void> {
  const rows = await openRows(ctx, instanceId)
  for (const row of rows) await close(ctx, row, GONE)
  const told = rows.map(async ({ id, accountId }) => {
    if (runtime) await endSession(ctx.actingFor(accountId), runtime, id, 'lost', GONE)
  })
  await Promise.all(told)
}

/**
 * Which of these sessions a node is to end: those that have ended in the database, or were never placed on it. It is asked in passing for
 * the wipe counts of others that nobody has heard.
 */
export function sessionsToEnd(
  ctx: Context,
  runtime: BrowserRuntime,
  instanceId: string,
  ids: readonly string[],
): Promise<string[]> {
  const sessions = () => ids.map((id) => ({ id, lastActivityMs: 0 }))
  countUnwipedLater(ctx, runtime, instanceId)
  return reconcile(ctx, runtime, { instanceId, sessions, own: false })
}

/** Of those of these sessions whose URLs were ever revoked, the generation that counts: the node may not have heard of it. */
export async function generationsOf(
  ctx: Context,
  instanceId: string,
  ids: readonly string[],
): Promise<Record<string, number>> {
  if (ids.length === 0) return {}
  const rows = await ctx.db
    .selectFrom('browserSessions')
    .select(['id', 'generation'])
    .where('id', 'in', ids)
    .where('instanceId', '=', instanceId)
    .where('generation', '>', 0)
    .execute()
  return Object.fromEntries(rows.map(({ id, generation }) => [id, generation]))
}

function openRows(ctx: Context, instanceId: string): Promise<SessionRow[]> {
  return ctx.db
    .selectFrom('browserSessions')
    .selectAll()
    .where('instanceId', '=', instanceId)
    .where('endedAt', 'is', null)
    .limit(MAX_ROWS)
    .execute()
}

/** Whether its machine should know it, and has had the time to say so. */
function isForgotten(
  ctx: Context,
  { starting }: BrowserRuntime,
  { own }: Beat,
  { id, status, startedAt }: SessionRow,
): boolean {
  if (status !== 'active' || starting.has(id)) return false
  return own || ctx.clock.now().getTime() > startedAt!.getTime() + BEAT_MS
}

/** Whether the process that was starting it has ended: nobody waits for the browser, should there be one. */
function isGivenUp(
  ctx: Context,
  { starting }: BrowserRuntime,
  { own }: Beat,
  { id, status, expiresAt, timeoutSeconds }: SessionRow,
): boolean {
  if (status !== 'starting' || starting.has(id)) return false
  // Its time is counted from when it got its place.
  const placedAtMs = expiresAt.getTime() - timeoutSeconds * 1000
  return own || ctx.clock.now().getTime() > placedAtMs + STARTING_MS
}

/** Unless it has started a moment ago: who takes a session off `starting` has written its row before. */
async function endGivenUp(
  ctx: Context,
  runtime: BrowserRuntime,
  beat: Beat,
  row: SessionRow,
): Promise<void> {
  const { status } = await getSession(ctx.actingFor(row.accountId), row.id)
  if (status === 'starting') await endHere(ctx, runtime, beat, row, GIVEN_UP)
}

/** A machine elsewhere is not called from within its own beat: what it still has, the answer tells it to end. */
async function endHere(
  ctx: Context,
  runtime: BrowserRuntime,
  { own }: Beat,
  row: SessionRow,
  why: string,
): Promise<void> {
  if (!own) return close(ctx, row, why)
  await endSession(ctx.actingFor(row.accountId), runtime, row.id, 'lost', why)
}

async function close(ctx: Context, { id, accountId }: SessionRow, why: string): Promise<void> {
  const ending = { reason: 'lost', errorMessage: why } as const
  await ctx.actingFor(accountId).transaction((ctx) => closeRow(ctx, id, ending))
}

const GIVEN_UP = 'the process that was starting it has ended'
const LOST = 'the machine no longer has its browser'
const GONE = 'the machine is gone'

/** In one statement, and only what has changed. */
async function keepFacts(
  ctx: Context,
  open: readonly SessionRow[],
  sessions: readonly SessionFacts[],
): Promise<void> {
  const rows = new Map(open.map((row) => [row.id, row]))
  const changed = sessions.filter((facts) => {
    const row = rows.get(facts.id)
    return row !== undefined && hasChanged(row, facts)
  })
  if (changed.length === 0) return
  const values = JSON.stringify(
    changed.map(({ id, lastActivityMs, url, title }) => ({
      id,
      at: new Date(lastActivityMs).toISOString(),
      url: text(url, 8192),
      title: text(title, 1024),
    })),
  )
  await sql`
    update browser_sessions as session
    set last_activity_at = greatest(session.last_activity_at, told.at),
        current_url = coalesce(told.url, session.current_url),
        current_title = coalesce(told.title, session.current_title)
    from jsonb_to_recordset(${values}::jsonb) as told (id text, at timestamptz, url text, title text)
    where session.id = told.id and session.ended_at is null`.execute(ctx.db)
}

/** Activity may be written late: at most 10 s behind. */
const ACTIVITY_MS = 10_000

function hasChanged(row: SessionRow, { lastActivityMs, url, title }: SessionFacts): boolean {
  return (
    lastActivityMs > row.lastActivityAt.getTime() + ACTIVITY_MS ||
    (url !== undefined && text(url, 8192) !== row.currentUrl) ||
    (title !== undefined && text(title, 1024) !== row.currentTitle)
  )
}

/** What PostgreSQL can keep of a page's text. */
function text(given: string | undefined, length: number): string | undefined {
  return given?.slice(0, length).toWellFormed().replaceAll('\0', '')
}
