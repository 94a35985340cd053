import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from '#kernel/context.ts'
import { startTicks } from '#kernel/processes.ts'
import { askProduct, NoAnswer } from './host/devtools.ts'
import type { HostedBrowser } from './host/host.ts'
import { NotOnNode } from './node/session-node.ts'
import type { BrowserRuntime } from './runtime.ts'
import type { SessionRow } from './tables.ts'

const LOOK_AGAIN_MS = 50
/** A machine that does not tell is not waited for any longer. */
const LONGEST_MS = 3_000
const ASK_MS = 1_000

/**
 * Waits for the report of a session that has ended on its machine by itself, such as one whose browser has crashed: that came before
 * whoever asks for its end now, and is what its row is to say.
 */
export async function letOwnEndFirst(
  ctx: Context,
  runtime: BrowserRuntime,
  session: SessionRow,
): Promise<void> {
  if (session.status !== 'active') return
  const giveUpMs = ctx.clock.monotonicMs() + LONGEST_MS
  while (!ctx.signal.aborted && ctx.clock.monotonicMs() < giveUpMs) {
    if (await isLive(ctx, runtime, session)) return
    const row = await ctx.db
      .selectFrom('browserSessions')
      .select('endedAt')
      .where('id', '=', session.id)
      .where('accountId', '=', ctx.accountId)
      .executeTakeFirst()
    if (!row || row.endedAt) return
    await sleep(LOOK_AGAIN_MS, undefined, { signal: ctx.signal }).catch(() => {})
  }
}

/** True also where nobody can tell. */
async function isLive(
  { signal }: Context,
  { own, nodes }: BrowserRuntime,
  { id, instanceId }: SessionRow,
): Promise<boolean> {
  if (own && own.instanceId === instanceId) {
    const browser = own.get(id)?.browser
    return browser !== undefined && isRunning(browser)
  }
  const node = instanceId ? nodes.get(instanceId) : undefined
  const options = {
    holder: { kind: 'program', id: 'gantry' },
    signal: AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]),
  } as const
  try {
    await node?.call(id, 'control', { action: 'show' }, options)
    return true
  } catch (error) {
    return !(error instanceof NotOnNode)
  }
}

/**
 * Of a browser that is dying, clients can be quicker to tell than the node: its first thread may have ended, or its sockets be about to
 * close, while the other half still seems well. Only one that lives answers; one that hangs is left to who asks for its end.
 */
async function isRunning({ pid, endpoint }: HostedBrowser): Promise<boolean> {
  if (startTicks(pid) === undefined) return false
  try {
    await askProduct(endpoint, ASK_MS)
    return true
  } catch (error) {
    return error instanceof NoAnswer
  }
}
