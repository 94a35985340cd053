import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { joined, returned } from './events.ts'
import type { RelaysParts } from './parts.ts'
import { namesOf } from './relays.ts'
import type { RelayRow } from './tables.ts'

export interface Builtin {
  id: string
  name: string
  version: string
}

/**
 * The relay of this control plane's own process. Called at every start; it beats like the others, without a credential. One that an
 * operator has stopped stays so. Announces `relay.joined` when it is new, and `relay.returned`
 * when it was gone.
 */
export async function ensureBuiltin(ctx: Context, { id, ...told }: Builtin): Promise<RelayRow> {
  const now = ctx.clock.now()
  const here = {
    ...{ ...told, joinedAt: now, lastBeatAt: now, goneAt: null, endedAt: null },
    ...{ errorMessage: null, internalUrl: null, fingerprint: null },
  }
  return ctx.transaction(async (ctx) => {
    const before = await ctx.db
      .selectFrom('relays')
      .select('goneAt')
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirst()
    const row = await ctx.db
      .insertInto('relays')
      .values({
        ...{ id, provider: 'builtin', status: 'running', statusSince: now, config: '{}' },
        ...{ ...here, facts: '{}', startedAt: now, createdAt: now },
      })
      .onConflict((it) =>
        it.column('id').doUpdateSet((row) => ({
          ...{ ...here, status: STILL_WANTED, drainReason: STILL_ASKED, statusSince: now },
          ...{ facts: '{}', sequence: '0' },
          epoch: row('relays.epoch', '+', 1),
        })),
      )
      .returningAll()
      .executeTakeFirstOrThrow()
    if (!before) await ctx.events.emit(joined, namesOf(row))
    if (before?.goneAt) await ctx.events.emit(returned, namesOf(row))
    return row
  })
}

const STILL_WANTED = sql<RelayRow['status']>`case
  when relays.drain_reason is null or relays.drain_reason = 'leaving' then 'running'
  when relays.status = 'stopped' and relays.drain_reason <> 'asked' then 'stopped'
  else 'draining' end`
const STILL_ASKED = sql<RelayRow['drainReason']>`nullif(relays.drain_reason, 'leaving')`

/** Lets other relays reach it, from now on. */
export async function openToPeers(
  ctx: Context,
  { doorbell }: Pick<RelaysParts, 'doorbell'>,
  { id, epoch }: Pick<RelayRow, 'id' | 'epoch'>,
  reached: { internalUrl: string; fingerprint: string },
): Promise<void> {
  await ctx.db
    .updateTable('relays')
    .set(reached)
    .where('id', '=', id)
    .where('epoch', '=', epoch)
    .execute()
  doorbell.ring('tunnels')
}
