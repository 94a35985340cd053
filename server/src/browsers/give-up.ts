import type { Context } from '#kernel/context.ts'
import { lockAccount } from './account-lock.ts'
import { forgetKey, throughBlip } from './awaited.ts'
import type { BrowserRuntime } from './runtime.ts'
import { closeRow, type Ending, endSession } from './service.ts'
import type { SessionRow } from './tables.ts'

/**
 * Ends a session that came to nothing for the call that made it, and gives its idempotency key back with it, whatever its row said.
 * Goes on when the caller has gone away, and while the database is away for a moment. Returns what it has ended by.
 */
export async function giveUp(
  ctx: Context,
  runtime: BrowserRuntime,
  id: string,
  ending: Ending,
): Promise<SessionRow> {
  const { reason, errorMessage } = ending
  await throughBlip(ctx, runtime.stopping, () => ctx.transaction((ctx) => close(ctx, id, ending)))
  return throughBlip(ctx, runtime.stopping, () =>
    endSession(ctx, runtime, id, reason, errorMessage),
  )
}

const UNWRITTEN = 'its start could not be written down'

/**
 * As `giveUp`, of a session whose browser is ended since nobody knows whether its row was written: the answer to that may be lost.
 * Where this fails too, the next beat of its machine ends the row.
 */
export async function giveUpUnsure(
  ctx: Context,
  runtime: BrowserRuntime,
  id: string,
): Promise<void> {
  const ending = { reason: 'launch_failed', errorMessage: UNWRITTEN } as const
  try {
    const closed = await throughBlip(ctx, runtime.stopping, () =>
      ctx.transaction(async (ctx) => {
        // Whoever may still be writing the row holds this.
        await lockAccount(ctx, { durable: true })
        return close(ctx, id, ending)
      }),
    )
    if (closed) await giveUp(ctx, runtime, id, ending)
  } catch (error) {
    ctx.log.warn({ err: error, session: id }, 'a session without a browser could not be ended')
  }
}

async function close(ctx: Context, id: string, ending: Ending): Promise<SessionRow | undefined> {
  const closed = await closeRow(ctx, id, ending)
  await forgetKey(ctx, id)
  return closed
}
