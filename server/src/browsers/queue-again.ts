import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { bindWaiting, throughBlip } from './awaited.ts'
import type { NodeFull } from './node/session-node.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import { endSession, getSession } from './service.ts'
import { states } from './states.ts'
import type { SessionRow } from './tables.ts'

interface Refusal {
  full: NodeFull
  /** Whether the call that made the session waits from now on; unless given, its row says so already. */
  waits: boolean | undefined
}

/**
 * Puts a session that no machine has taken back into the queue, where its next place may be given before the answer is here.
 *
 * @throws problem `session.limit_reached` for one that does not wait, `session.closed` for one that has ended
 */
export async function queueAgain(
  ctx: Context,
  runtime: BrowserRuntime,
  row: SessionRow,
  { full, waits }: Refusal,
): Promise<SessionRow> {
  const { id, queuedUntil, createdAt } = row
  if (!queuedUntil || queuedUntil <= createdAt) {
    await throughBlip(ctx, runtime.stopping, () =>
      endSession(ctx, runtime, id, 'queue_timeout', full.message),
    )
    throw problems.limitReached({ retryAfterSeconds: full.retryAfterSeconds, cause: full })
  }
  const queued = await throughBlip(ctx, ctx.signal, () => {
    return ctx.transaction((ctx) => giveBack(ctx, row, waits))
  })
  if (queued) return queued
  const now = await throughBlip(ctx, ctx.signal, () => getSession(ctx, id))
  // The commit of an earlier try was lost on its way back; meanwhile it may have got its next place.
  if (!now.endedAt) return now
  throw problems.closed({ id, endReason: now.endReason })
}

/** Its place and its wait, in one: nobody finds a session that waits for a call which has not said so. */
async function giveBack(
  ctx: Context,
  row: SessionRow,
  waits: boolean | undefined,
): Promise<SessionRow | undefined> {
  const queued = await ctx.db
    .updateTable('browserSessions')
    .set({ status: 'queued', instanceId: null })
    .where('id', '=', row.id)
    .where('accountId', '=', ctx.accountId)
    .where('status', 'in', states.from('queued'))
    .where('instanceId', '=', row.instanceId)
    .where(isPlacedAsIn(row))
    .returningAll()
    .executeTakeFirst()
  if (queued && waits !== undefined) await bindWaiting(ctx, row.id, waits)
  return queued
}

/** Whether the row still has the place of this one, not one that it was given after that. */
function isPlacedAsIn({ expiresAt, timeoutSeconds }: SessionRow) {
  // The time of a session counts from its place, also when it is changed.
  const placedAt = new Date(expiresAt.getTime() - timeoutSeconds * 1000)
  return sql<boolean>`expires_at - make_interval(secs => timeout_seconds) = ${placedAt}`
}
