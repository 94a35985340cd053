import type { Context } from '#kernel/context.ts'
import { cutPage, olderThan, type PageQuery, timeText } from '#kernel/http/cursor.ts'
import { Problem } from '#kernel/problem.ts'
import { createSession } from './create.ts'
import type { Driver, PageFacts } from './driver/driver.ts'
import { callSession, holderOf } from './locate.ts'
import { keptInput, keptResult } from './node/kept-input.ts'
import type { CommandName } from './node/session-node.ts'
import { problems } from './problems.ts'
import type { RecordedCommand } from './recorder.ts'
import type { BrowserRuntime } from './runtime.ts'
import { COMMAND_TYPES, type CommandType } from './schema.ts'
import { actingUser, getSession, openSessionsOf } from './service.ts'

export const DEFAULT_TIMEOUT_MS = 30_000
/** A command that names no time of its own has what the session's user prefers, which is known where the session is. */
export const LONGEST_COMMAND_MS = 120_000

type Input<Name extends CommandName> = Parameters<Driver[Name]>[0]
type Result<Name extends CommandName> = Awaited<ReturnType<Driver[Name]>>

/**
 * Runs one command in the browser of a session and keeps it in the history.
 *
 * @throws problem `session.not_found`, `session.closed`, `session.controlled`, `browser.crashed` or whatever the command itself throws
 */
export async function runCommand<Name extends CommandName>(
  ctx: Context,
  runtime: BrowserRuntime,
  id: string,
  type: Name,
  input: Input<Name>,
): Promise<Result<Name> & { sessionId: string }> {
  const startedAt = ctx.clock.now()
  const record = (outcome: Pick<RecordedCommand, 'status' | 'result' | 'errorMessage'>) => {
    if (!isRecorded(type)) return
    const times = { startedAt, endedAt: ctx.clock.now() }
    const about = { sessionId: id, accountId: ctx.accountId, actor: ctx.actor }
    const params = keptInput(type, input, outcome.result)
    runtime.recorder.record(ctx, { ...about, ...outcome, ...times, type, params })
  }
  try {
    const options = { holder: holderOf(ctx.actor), signal: ctx.signal }
    const result = (await callSession(ctx, runtime, id, type, input, options)) as Result<Name>
    record({ status: 'success', result: keptResult(type, result) })
    return { ...result, sessionId: id }
  } catch (error) {
    if (isAboutTheSession(error)) throw error
    record({ status: 'error', errorMessage: error instanceof Problem ? error.message : 'failed' })
    throw error
  }
}

/** A command that never reached the session is no part of its history. */
function isAboutTheSession(error: unknown): boolean {
  return error instanceof Problem && error.code.startsWith('session.')
}

/** Runs a command that answers with the page it leaves. */
export async function runPageCommand<Name extends 'click' | 'type'>(
  ctx: Context,
  runtime: BrowserRuntime,
  id: string,
  type: Name,
  input: Input<Name>,
): Promise<PageFacts & { sessionId: string }> {
  const done = await runCommand(ctx, runtime, id, type, input)
  const { sessionId, url, title } = done as unknown as PageFacts & { sessionId: string }
  return { sessionId, url, title }
}

function isRecorded(type: CommandName): type is CommandType {
  return COMMAND_TYPES.includes(type as CommandType)
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
  if (sessions[0]) return whenStarted(ctx, runtime, sessions[0].id)
  if (!open) throw problems.noneOpen()
  return runtime.openOnce(userId, () => openFlat(ctx, runtime, userId))
}

/** Others may wait for it too, so it goes on when the caller who began it has gone. */
async function openFlat(given: Context, runtime: BrowserRuntime, userId: string): Promise<string> {
  const ctx = given.with({ signal: AbortSignal.timeout(OPEN_TIMEOUT_MS) })
  // Another opening may have come to its end since the caller looked.
  const [open] = await openSessionsOf(ctx, userId)
  if (open) return whenStarted(ctx, runtime, open.id)
  const { id } = await createSession(ctx, runtime, {}, userId)
  return id
}

/** Waits while a session that somebody else is starting has no browser yet. @throws problem `session.server_stopping` */
async function whenStarted(ctx: Context, runtime: BrowserRuntime, id: string): Promise<string> {
  for (;;) {
    const { status } = await getSession(ctx, id)
    if (status !== 'starting' && status !== 'queued') return id
    // Nothing is waited for any more, here either.
    if (runtime.stopping.aborted) throw problems.stopping({ retryAfterSeconds: 5 })
    await runtime.whenSettled(id, LOOK_AGAIN_MS, ctx.signal)
  }
}

const LOOK_AGAIN_MS = 200
