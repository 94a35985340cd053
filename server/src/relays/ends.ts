import type { Context } from '#kernel/context.ts'
import { closeAll } from './books.ts'
import { failed, stopped } from './events.ts'
import type { RelaysParts } from './parts.ts'
import { lockRelay, namesOf } from './relays.ts'
import { states } from './states.ts'
import type { RelayRow } from './tables.ts'

type Parts = Pick<RelaysParts, 'doorbell' | 'machines'>

/** Announces `relay.stopped`, once. */
export async function endRelay(ctx: Context, parts: Parts, id: string): Promise<RelayRow> {
  const row = await ctx.transaction(async (ctx) => {
    const before = await lockRelay(ctx, id)
    if (before.status === 'stopped') return before
    const now = ctx.clock.now()
    const row = await ctx.db
      .updateTable('relays')
      .set({
        ...{ status: 'stopped', statusSince: now, endedAt: now, credentialHash: null },
        ...{ goneAt: null, drainReason: null, drainUntil: null },
      })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow()
    if (row.instanceId) await parts.machines.end(ctx, row.instanceId)
    await ctx.events.emit(stopped, namesOf(row))
    ctx.afterCommit(() => parts.doorbell.ring('tunnels'))
    return row
  })
  await closeAll(ctx, row)
  return row
}

/** Announces `relay.error`; false for one that cannot fail any more. */
export async function failRelay(ctx: Context, id: string, message: string): Promise<boolean> {
  return ctx.transaction(async (ctx) => {
    const { status } = await lockRelay(ctx, id)
    if (!states.allows(status, 'error')) return false
    const now = ctx.clock.now()
    const row = await ctx.db
      .updateTable('relays')
      .set({ status: 'error', statusSince: now, errorMessage: message, goneAt: now })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow()
    await ctx.events.emit(failed, { ...namesOf(row), message })
    return true
  })
}
