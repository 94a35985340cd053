import { isDeepStrictEqual } from 'node:util'
import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { changed } from './events.ts'
import type { SpecChange } from './node/session-node.ts'
import { onNode } from './locate.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import type { ChangeSession } from './schema.ts'
import { getSession } from './service.ts'
import { egressOf } from './spec.ts'
import type { SessionRow } from './tables.ts'

/**
 * Changes a session that has not ended: its row first, then its machine, which the next change or restart tells again should it not
 * answer now. Announces `session.changed` with the names of what changed.
 *
 * @throws problem `session.not_found`, `session.closed`, `session.unreachable` or `browser.crashed`
 */
export async function changeSession(
  ctx: Context,
  runtime: BrowserRuntime,
  id: string,
  change: ChangeSession,
): Promise<SessionRow> {
  const row = await keepChange(ctx, id, change)
  // One that starts is told by whoever starts it.
  if (row.status !== 'active') return row
  return tellNode(ctx, runtime, row, { egress: change.egress !== undefined })
}

const TOLD_AT_MOST = 10

/**
 * Tells the machine of an active session what its row says, again while that changes: of two changes at once the later one must not be
 * the one that arrives first. Returns the row that the machine knows.
 *
 * @throws problem `session.unreachable` or `browser.crashed`
 */
export async function tellNode(
  ctx: Context,
  runtime: BrowserRuntime,
  row: SessionRow,
  { egress }: { egress: boolean },
): Promise<SessionRow> {
  const { id } = row
  let told = row
  for (let tries = 0; tries < TOLD_AT_MOST; tries++) {
    const change = specChange(runtime, told, egress || tries > 0)
    await onNode(ctx, runtime, id, (node) => node.change(id, change))
    const now = await getSession(ctx, id)
    if (now.endedAt || isToldOf(told, now)) return now
    told = now
  }
  return told
}

/** Whether a machine that was told of one row needs to be told nothing of the other. */
export function isToldOf(told: SessionRow, now: SessionRow): boolean {
  return (
    told.generation === now.generation &&
    told.idleTimeoutSeconds === now.idleTimeoutSeconds &&
    told.expiresAt.getTime() === now.expiresAt.getTime() &&
    isDeepStrictEqual(told.egress, now.egress)
  )
}

async function keepChange(ctx: Context, id: string, change: ChangeSession): Promise<SessionRow> {
  const { timeoutSeconds, idleTimeoutSeconds, egress, metadata, revokeUrls } = change
  return ctx.transaction(async (ctx) => {
    const row = await ctx.db
      .updateTable('browserSessions')
      .set({
        ...(timeoutSeconds && {
          timeoutSeconds,
          // Of one that has not started the time is counted from when it was asked for, or got its place.
          expiresAt: sql<Date>`coalesce(started_at, expires_at - make_interval(secs => timeout_seconds))
            + make_interval(secs => ${timeoutSeconds})`,
        }),
        ...(idleTimeoutSeconds && { idleTimeoutSeconds }),
        ...(egress && { egress: JSON.stringify(egress) }),
        ...(metadata && { metadata: JSON.stringify(metadata) }),
        generation: sql<number>`generation + ${revokeUrls ? 1 : 0}`,
      })
      .where('id', '=', id)
      .where('accountId', '=', ctx.accountId)
      .where('endedAt', 'is', null)
      .returningAll()
      .executeTakeFirst()
    if (!row) {
      const { endReason } = await getSession(ctx, id)
      throw problems.closed({ id, endReason })
    }
    await ctx.events.emit(changed, { id, members: Object.keys(change) })
    return row
  })
}

function specChange({ vault }: BrowserRuntime, row: SessionRow, withEgress: boolean): SpecChange {
  return {
    generation: row.generation,
    idleSeconds: row.idleTimeoutSeconds,
    expiresAtMs: row.expiresAt.getTime(),
    ...(withEgress && { egress: egressOf(vault, row) }),
  }
}
