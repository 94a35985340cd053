import type { Context } from '#kernel/context.ts'
import { DEFAULT_TIMEOUT_MS, runCommand } from './commands.ts'
import { createSession } from './create.ts'
import type { Driver } from './driver/driver.ts'
import type { CommandName } from './node/session-node.ts'
import type { PageWish } from './one-shot-schema.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import { endSession } from './service.ts'

/** Should this process die, the session does not outlive it for long. */
const SESSION_SECONDS = 300
const END_WITHIN_MS = 30_000

/** Of each form of a command that has several. */
type Untimed<Form> = Form extends unknown ? Omit<Form, 'timeoutMs'> : never
type Input<Name extends CommandName> = Untimed<NonNullable<Parameters<Driver[Name]>[0]>>
type OnPage = <Name extends CommandName>(
  type: Name,
  input: Input<Name>,
) => ReturnType<typeof runCommand<Name>>

/**
 * Opens a session for one page, brings the page to where the caller wants it, acts on it and ends the session again, also when the
 * caller has gone meanwhile. The answer comes once the session's place is free.
 *
 * @throws what making a session throws, and what any of its commands does
 */
export async function onOnePage<Result>(
  ctx: Context,
  runtime: BrowserRuntime,
  wish: PageWish,
  act: (run: OnPage) => Promise<Result>,
): Promise<Result> {
  const { viewport, tunnels } = wish
  const given = { ...(viewport && { viewport }), ...(tunnels && { tunnels }) }
  const life = { timeoutSeconds: SESSION_SECONDS, idleTimeoutSeconds: SESSION_SECONDS }
  const { id } = await createSession(ctx, runtime, { ...life, ...given })
  try {
    const run = within(ctx, runtime, id, wish.timeoutMs ?? DEFAULT_TIMEOUT_MS)
    await prepare(run, wish)
    return await act(run)
  } finally {
    await endAnyway(ctx, runtime, id)
  }
}

/** Runs commands that together take at most so long. */
function within(ctx: Context, runtime: BrowserRuntime, id: string, timeoutMs: number): OnPage {
  const endsAtMs = ctx.clock.monotonicMs() + timeoutMs
  return async (type, input) => {
    const leftMs = Math.floor(endsAtMs - ctx.clock.monotonicMs())
    if (leftMs < 1) throw problems.timeout({ awaited: `the command ${type}`, timeoutMs })
    return runCommand(ctx, runtime, id, type, { ...input, timeoutMs: leftMs } as never)
  }
}

async function prepare(run: OnPage, { cookies, url, html, waitUntil, waitFor }: PageWish) {
  if (cookies) await run('cookies', { action: 'set', cookies })
  if (url !== undefined) await run('navigate', { url, waitUntil })
  // There is nothing to come that one could wait for before the document.
  const until = waitUntil === 'commit' ? 'domcontentloaded' : waitUntil
  if (html !== undefined) await run('setContent', { html, waitUntil: until })
  if (waitFor) await run('wait', waitFor)
}

async function endAnyway(given: Context, runtime: BrowserRuntime, id: string): Promise<void> {
  const ctx = given.with({ signal: AbortSignal.timeout(END_WITHIN_MS) })
  try {
    await endSession(ctx, runtime, id, 'asked')
  } catch (error) {
    ctx.log.error({ err: error, session: id }, 'the session of a one-shot call was not ended')
  }
}
