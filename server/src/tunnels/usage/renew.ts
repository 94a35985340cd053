import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'

/** Lets relays read the specs of all tunnels of an account anew. */
export async function renewSpecs(ctx: Context, accountId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('tunnel_revisions'))`.execute(ctx.db)
  await ctx.db
    .updateTable('tunnels')
    .set({ revision: sql`nextval('tunnel_revisions')` })
    .where('accountId', '=', accountId)
    .where('deletedAt', 'is', null)
    .execute()
}
