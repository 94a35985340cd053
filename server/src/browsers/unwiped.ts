import type { Context } from '#kernel/context.ts'
import type { BrowserRuntime } from './runtime.ts'
import { endSession } from './service.ts'

const UNWIPED_AT_ONCE = 1_000
const UNWIPED_MS = 24 * 60 * 60 * 1000
/** As long as the usual end of a session takes at most; one that takes longer is asked for twice, and counted once. */
const ENDING_MS = 10_000

/**
 * Sessions of a machine that have ended without a count of what is left of them: the machine is asked for it now, and ends what it still
 * has. Goes on with the next call once the machine does not answer.
 */
export async function countUnwiped(
  ctx: Context,
  runtime: BrowserRuntime,
  instanceId: string,
  endedBeforeMs = 0,
): Promise<void> {
  const nowMs = ctx.clock.now().getTime()
  const rows = await ctx.db
    .selectFrom('browserSessions')
    .select(['id', 'accountId'])
    .where('instanceId', '=', instanceId)
    .where('endedAt', '>', new Date(nowMs - UNWIPED_MS))
    .where('endedAt', '<=', new Date(nowMs - endedBeforeMs))
    .where('wipe', 'is', null)
    .limit(UNWIPED_AT_ONCE)
    .execute()
  for (const { id, accountId } of rows) {
    const { wipe } = await endSession(ctx.actingFor(accountId), runtime, id, 'asked')
    if (!wipe) return
  }
}

/** As `countUnwiped`, of a machine that has just beaten. The beat does not wait for it, nor does what is ending in order. */
export function countUnwipedLater(ctx: Context, runtime: BrowserRuntime, instanceId: string): void {
  const { counting, nodes, stopping } = runtime
  if (counting.has(instanceId) || !nodes.get(instanceId)) return
  counting.add(instanceId)
  void countUnwiped(ctx.with({ signal: stopping }), runtime, instanceId, ENDING_MS)
    .catch((error: unknown) => {
      ctx.log.warn({ err: error, instanceId }, 'what is left of ended sessions was not counted')
    })
    .finally(() => counting.delete(instanceId))
}
