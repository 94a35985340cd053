import type { Context } from '#kernel/context.ts'
import { cutPage, olderThan, type PageQuery, timeText } from '#kernel/http/cursor.ts'
import { Problem } from '#kernel/problem.ts'
import { preferencesOf } from '#identity/index.ts'
import type { Driver, PageFacts } from './driver/driver.ts'
import { problems } from './problems.ts'
import type { RecordedCommand } from './recorder.ts'
import type { BrowserRuntime, LiveSession } from './runtime.ts'
import { COMMAND_TYPES, type CommandType, type CreateSession } from './schema.ts'
import { actingUser, createSession, getSession, openSessionsOf } from './service.ts'
import type { SessionRow } from './tables.ts'

export const DEFAULT_TIMEOUT_MS = 30_000

export type CommandName = CommandType | 'state'
type Input<Name extends CommandName> = Parameters<Driver[Name]>[0]
type Result<Name extends CommandName> = Awaited<ReturnType<Driver[Name]>>

/**
 * Runs one command in the browser of a session and keeps it in the history.
 *
 * @throws problem `session.not_found`, `session.closed`, `browser.crashed` or whatever the command itself throws
 */
export async function runCommand<Name extends CommandName>(
  ctx: Context,
  runtime: BrowserRuntime,
  id: string,
  type: Name,
  input: Input<Name>,
): Promise<Result<Name> & { sessionId: string }> {
  const session = await liveSession(ctx, runtime, id)
  const driver = runtime.driverOf(session)
  if (!driver) throw problems.crashed({ reason: 'its process has ended' })
  const startedAt = ctx.clock.now()
  const record = (outcome: Pick<RecordedCommand, 'status' | 'result' | 'errorMessage'>) => {
    if (!isRecorded(type)) return
    const times = { startedAt, endedAt: ctx.clock.now() }
    const about = { sessionId: id, accountId: session.accountId, actor: ctx.actor }
    const params = keptParams(type, input, outcome.result)
    runtime.recorder.record(ctx, { ...about, ...outcome, ...times, type, params })
  }
  session.working++
  try {
    const result = await drive(driver, type, input, ctx.signal)
    record({ status: 'success', result: withoutBytes(result) })
    return { ...result, sessionId: id }
  } catch (error) {
    record({ status: 'error', errorMessage: error instanceof Problem ? error.message : 'failed' })
    throw error
  } finally {
    session.working--
    session.lastActivityMs = ctx.clock.now().getTime()
    if (isRecorded(type)) void keepPage(ctx, session, driver)
  }
}

/** What was typed is kept only once it is known that the field shows it. */
function keptParams(type: CommandType, input: object | undefined, result: unknown): unknown {
  const shown = (result as { secret?: boolean } | undefined)?.secret === false
  return type === 'type' && !shown ? { ...input, text: '[not kept]' } : input
}

/** Runs a command that answers with the page it leaves. */
export async function runPageCommand<Name extends 'click' | 'type'>(
  ctx: Context,
  runtime: BrowserRuntime,
  id: string,
  type: Name,
  input: Input<Name>,
): Promise<PageFacts & { sessionId: string }> {
  const { sessionId } = await runCommand(ctx, runtime, id, type, input)
  const page = await runtime.get(id)?.driver?.currentPage(ctx.signal)
  return { sessionId, url: page?.url ?? '', title: page?.title ?? '' }
}

function isRecorded(type: CommandName): type is CommandType {
  return COMMAND_TYPES.includes(type as CommandType)
}

function drive<Name extends CommandName>(
  driver: Driver,
  type: Name,
  input: Input<Name>,
  signal: AbortSignal,
): Promise<Result<Name>> {
  const command = driver[type] as (input: Input<Name>, signal: AbortSignal) => Promise<Result<Name>>
  return command.call(driver, input, signal)
}

/** The session as this process holds it. */
async function liveSession(
  ctx: Context,
  runtime: BrowserRuntime,
  id: string,
): Promise<LiveSession> {
  const session = runtime.get(id)
  if (session && session.accountId === ctx.accountId) return session
  throw refusal(await getSession(ctx, id))
}

function refusal({ id, status, endReason, errorMessage }: SessionRow): Problem {
  if (status === 'error') return problems.crashed({ reason: errorMessage ?? endReason })
  if (status === 'closed') return problems.closed({ id, endReason: endReason ?? 'asked' })
  return problems.notReady({ id, status })
}

const LOOK_AT_PAGE_MS = 1_000

/** Keeps the page's address and title for lists: off the path of the answer, at most once a second, and only when they changed. */
async function keepPage(ctx: Context, session: LiveSession, driver: Driver): Promise<void> {
  const now = ctx.clock.monotonicMs()
  if (session.lookedAtMs !== undefined && now < session.lookedAtMs + LOOK_AT_PAGE_MS) return
  session.lookedAtMs = now
  const page = await driver.currentPage()
  if (!page || (session.page?.url === page.url && session.page.title === page.title)) return
  session.page = page
  await ctx.db
    .updateTable('browserSessions')
    .set({ currentUrl: text(page.url, 8192), currentTitle: text(page.title, 1024) })
    .where('id', '=', session.id)
    .where('accountId', '=', session.accountId)
    .where('endedAt', 'is', null)
    .execute()
    .catch((error: unknown) => ctx.log.warn({ err: error }, 'current page could not be kept'))
}

/** What PostgreSQL can keep of a page's text. */
function text(given: string, length: number): string {
  return given.slice(0, length).toWellFormed().replaceAll('\0', '')
}

function withoutBytes(result: unknown): unknown {
  if (typeof result !== 'object' || result === null || !('bytes' in result)) return result
  const { bytes, ...rest } = result as { bytes: Buffer }
  return { ...rest, bytes: bytes.length }
}

/** Newest first. Waits until everything recorded so far can be seen. @throws problem `session.not_found` */
export async function listCommands(
  ctx: Context,
  runtime: BrowserRuntime,
  sessionId: string,
  { limit, cursor }: PageQuery,
) {
  await getSession(ctx, sessionId)
  await runtime.recorder.flush()
  const place = ctx.cursors.read('commands', cursor)
  let query = ctx.db
    .selectFrom('browserCommands')
    .selectAll()
    .select(timeText('startedAt').as('startedAtText'))
    .where('sessionId', '=', sessionId)
    .where('accountId', '=', ctx.accountId)
    .orderBy('startedAt', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
  if (place) query = query.where(olderThan('startedAt', 'id', place))
  return cutPage(await query.execute(), limit, (row) =>
    ctx.cursors.write('commands', { time: row.startedAtText, id: row.id }),
  )
}

const OPEN_TIMEOUT_MS = 60_000

/**
 * The session that a flat command is for: the named one, or the caller's only open one. `open` makes one when there is none; of two
 * such calls at once one makes it and the other uses it.
 *
 * @throws problem `session.ambiguous` or `session.none_open`
 */
export async function flatSession(
  ctx: Context,
  runtime: BrowserRuntime,
  sessionId: string | undefined,
  open: boolean,
): Promise<string> {
  if (sessionId) return sessionId
  const userId = actingUser(ctx)
  const sessions = await openSessionsOf(ctx, userId)
  if (sessions.length > 1) {
    throw problems.ambiguous({ open: sessions.length })
  }
  if (sessions[0]) return runtime.whenStarted(sessions[0].id)
  if (!open) throw problems.noneOpen()
  return runtime.openOnce(userId, () => openFlat(ctx, runtime, userId))
}

/** Others may wait for it too, so it goes on when the caller who began it has gone. */
async function openFlat(given: Context, runtime: BrowserRuntime, userId: string): Promise<string> {
  const ctx = given.with({ signal: AbortSignal.timeout(OPEN_TIMEOUT_MS) })
  // Another opening may have come to its end since the caller looked.
  const [open] = await openSessionsOf(ctx, userId)
  if (open) return runtime.whenStarted(open.id)
  const { id } = await createSession(ctx, runtime, await preferredSession(ctx, userId), userId)
  return id
}

async function preferredSession(ctx: Context, userId: string): Promise<CreateSession> {
  const { defaultViewport, defaultUserAgent } = await preferencesOf(ctx, userId)
  return {
    ...(defaultViewport && { viewport: defaultViewport }),
    ...(defaultUserAgent && { userAgent: defaultUserAgent }),
  }
}
