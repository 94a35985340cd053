import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { joined, returned } from './events.ts'
import { namesOf } from './relays.ts'
import type { RelayRow } from './tables.ts'

export interface Builtin {
  id: string
  name: string
  url: string
  version: string
}

/**
 * The relay of this control plane's own process. Called at every start; it beats like the others, without a credential. One that an
 * operator has stopped stays so. Announces `relay.joined` when it is new, and `relay.returned`
 * when it was gone.
 */
export async function ensureBuiltin(ctx: Context, { id, ...told }: Builtin): Promise<RelayRow> {
  const now = ctx.clock.now()
  const here = { ...told, joinedAt: now, lastBeatAt: now, goneAt: null, errorMessage: null }
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
          ...{ ...here, status: STILL_WANTED, facts: '{}', sequence: '0' },
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
  when relays.status = 'stopped' then 'stopped'
  when relays.drain_reason is not null then 'draining' else 'running' end`
