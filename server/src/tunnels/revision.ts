import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { TunnelParts } from './parts.ts'

/**
 * Runs a change that relays have to know, in one transaction, with a revision that is higher than that of every change that was committed
 * before and lower than that of every later one: such changes wait for each other here, before they touch a row. Relays are woken once
 * it is committed.
 */
export function changing<Result>(
  ctx: Context,
  { ring }: Pick<TunnelParts, 'ring'>,
  work: (ctx: Context, revision: string) => Promise<Result>,
): Promise<Result> {
  return ctx.transaction(async (ctx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended('tunnel_revisions', 0))`.execute(ctx.db)
    const { rows } = await sql<{ revision: string }>`
      select nextval('tunnel_revisions')::text as revision`.execute(ctx.db)
    ctx.afterCommit(ring)
    return work(ctx, rows[0]!.revision)
  })
}

/** Relays have to read it again. */
export async function touch({ db }: Context, tunnelId: string, revision: string): Promise<void> {
  await db.updateTable('tunnels').set({ revision }).where('id', '=', tunnelId).execute()
}
