import type { Context } from '#kernel/context.ts'
import { erasePersonal } from '#kernel/events.ts'
import { erased } from './events.ts'

const BATCH = 1_000

/**
 * Erases what the log tells of a person beyond ids: addresses, agents, and members of data such as e-mail addresses. The entries stay,
 * and so does their chain. Announces `audit.person_erased`. A second call erases what was written since.
 */
export async function erasePerson(ctx: Context, userId: string): Promise<void> {
  for (let events = BATCH; events === BATCH;) {
    ctx.signal.throwIfAborted()
    events = await ctx.transaction(async (ctx) => {
      const events = await erasePersonal(ctx.db, userId, BATCH)
      if (events > 0) await ctx.events.emit(erased, { userId, events })
      return events
    })
  }
}
