import type { Context } from '#kernel/context.ts'
import { endWaiting, stayWaiting, throughBlips } from './awaited.ts'
import { giveUp } from './give-up.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import { endSession } from './service.ts'
import type { SessionRow } from './tables.ts'

/** Longest that the call itself waits; a session that has no place by then goes on waiting, and its row says so. */
const LONGEST_WAIT_MS = 100_000
const LOOK_AGAIN_MS = 1_000

/**
 * Waits until the session has its browser, or has waited as long as a call may, also while the database is away for a moment. A caller
 * who goes away takes the session along, unless a repeat of the call would find it.
 *
 * @throws problem `session.queue_timeout`, `session.server_stopping`, `browser.launch_failed` or `session.closed`
 */
export async function awaitPlace(
  ctx: Context,
  runtime: BrowserRuntime,
  begun: SessionRow,
): Promise<SessionRow> {
  const { id } = begun
  const giveUpMs = ctx.clock.monotonicMs() + LONGEST_WAIT_MS
  const signal = AbortSignal.any([ctx.signal, runtime.stopping])
  const insist = <Result>(work: () => Promise<Result>) => throughBlips(ctx, giveUpMs, signal, work)
  let row = begun
  try {
    for (;;) {
      row = await insist(() => stayWaiting(ctx, id))
      if (row.endedAt) throw refusal(row)
      if (row.status === 'active' || ctx.clock.monotonicMs() > giveUpMs) {
        const left = row.awaitedUntil ? await insist(() => endWaiting(ctx, id)) : row
        if (left) return left
      } else if (runtime.stopping.aborted) throw await turnedAway(ctx, runtime, id)
      else await runtime.whenSettled(id, LOOK_AGAIN_MS, ctx.signal)
    }
  } catch (error) {
    // One that a repeat finds is left to the repeat, which may be here before this is known.
    if (ctx.signal.aborted && row.awaitedUntil) {
      await endSession(ctx, runtime, id, 'asked', 'the caller went away')
    }
    throw error
  }
}

async function turnedAway(ctx: Context, runtime: BrowserRuntime, id: string) {
  const errorMessage = 'it still waited for a place'
  await giveUp(ctx, runtime, id, { reason: 'server_stopped', errorMessage })
  return problems.stopping({ retryAfterSeconds: 5 })
}

function refusal(row: SessionRow) {
  const { id, endReason, errorMessage, queuedUntil, createdAt } = row
  if (endReason === 'queue_timeout') {
    const seconds = queuedUntil ? (queuedUntil.getTime() - createdAt.getTime()) / 1000 : 0
    return problems.queueTimeout({ id, seconds, retryAfterSeconds: 10 })
  }
  if (endReason === 'launch_failed') return problems.launchFailed({ reason: errorMessage })
  return problems.closed({ id, endReason })
}
