import type { Clock } from '#kernel/clock.ts'
import type { Context } from '#kernel/context.ts'
import { type Beating, SilenceJudge } from '#kernel/silence-judge.ts'
import { closeAll } from './books.ts'
import { gone } from './events.ts'
import type { RelaysParts } from './parts.ts'
import { namesOf } from './relays.ts'

const MOST_RELAYS = 1_000
const SILENT = 'it was silent for 30 seconds'

/** Tells which relays are gone, and closes their links in the books. */
export function relayJudge(clock: Clock, parts: Pick<RelaysParts, 'doorbell'>): SilenceJudge {
  return new SilenceJudge({
    ...{ clock, read: readRelays },
    declareGone: (ctx, relay) => declareGone(ctx, parts, relay),
  })
}

function readRelays(ctx: Context): Promise<Beating[]> {
  return ctx.db
    .selectFrom('relays')
    .select(['id', 'epoch', 'sequence'])
    .where('status', 'in', ['running', 'draining'])
    .limit(MOST_RELAYS)
    .execute()
}

/** Of two judges one acts, and a beat that comes in between wins over both. Announces `relay.gone`. */
async function declareGone(
  ctx: Context,
  { doorbell }: Pick<RelaysParts, 'doorbell'>,
  { id, epoch, sequence }: Beating,
): Promise<boolean> {
  const isGone = await ctx.transaction(async (ctx) => {
    const now = ctx.clock.now()
    const row = await ctx.db
      .updateTable('relays')
      .set({ status: 'error', statusSince: now, goneAt: now, errorMessage: SILENT })
      .where('id', '=', id)
      .where('epoch', '=', epoch)
      .where('sequence', '=', sequence)
      .where('status', 'in', ['running', 'draining'])
      .returningAll()
      .executeTakeFirst()
    if (!row) return false
    await ctx.events.emit(gone, namesOf(row))
    ctx.afterCommit(() => doorbell.ring('tunnels'))
    return true
  })
  if (isGone) await closeAll(ctx, { id })
  return isGone
}
