import type { Context } from '#kernel/context.ts'
import { throughBlip } from './awaited.ts'
import type { SessionNode } from './node/session-node.ts'
import type { BrowserRuntime } from './runtime.ts'
import type { SessionRow } from './tables.ts'

/** With the first one; a session that none of them takes goes back to the queue. */
const NODES_AT_MOST = 3

/**
 * Another machine for a session that starts and that the last of `tried` has not taken, and the row that says so. What that one may
 * launch after all, its next beat ends: the row names another machine. Undefined when there is none, or the session has ended.
 */
export async function nextNode(
  ctx: Context,
  { nodes }: BrowserRuntime,
  { id, userId }: SessionRow,
  tried: readonly string[],
): Promise<{ row: SessionRow; node: SessionNode } | undefined> {
  if (tried.length >= NODES_AT_MOST) return undefined
  const insist = <Result>(work: () => Promise<Result>) => throughBlip(ctx, ctx.signal, work)
  const candidates = await insist(() => nodes.candidates(ctx, userId))
  const node = candidates.find(({ instanceId }) => !tried.includes(instanceId))
  if (!node) return undefined
  const { instanceId } = node
  const row = await insist(() =>
    ctx.db
      .updateTable('browserSessions')
      .set({ instanceId })
      .where('id', '=', id)
      .where('accountId', '=', ctx.accountId)
      .where('status', '=', 'starting')
      // Of this one already after a try whose answer was lost with its connection.
      .where('instanceId', 'in', [tried.at(-1)!, instanceId])
      .returningAll()
      .executeTakeFirst(),
  )
  return row && { row, node }
}
