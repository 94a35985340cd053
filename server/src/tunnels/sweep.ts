import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { linksOf, lockTunnels, moveTunnel } from './status.ts'

/** How long an agent may try to link before its tunnels count as disconnected. */
export const CONNECT_MS = 30_000
/** A run that nobody has seen for so long, and that has no link, has ended; it may come back all the same. */
const UNSEEN_MS = 5 * 60_000
const FORGOTTEN_MS = 30 * 86_400_000
const BATCH = 500

/** Unless it has been linked since, or an agent has come anew. */
export async function giveUp(ctx: Context, id: string, since: Date): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const [row] = await lockTunnels(ctx, [id])
    if (row?.status !== 'connecting' || row.statusSince > since) return
    if ((await linksOf(ctx, [id])).has(id)) return
    await moveTunnel(ctx, row, { to: 'disconnected', reason: 'no_link' })
  })
}

/** What no call and no job has brought to its end. */
export async function sweep(ctx: Context): Promise<void> {
  const ago = (ms: number) => new Date(ctx.clock.now().getTime() - ms)
  await giveUpStale(ctx, ago(2 * CONNECT_MS))
  await sql`
    update tunnel_agent_runs set ended_at = ${ctx.clock.now()}
    where ended_at is null and last_seen_at < ${ago(UNSEEN_MS)}
      and not exists (select from tunnel_links where run_id = tunnel_agent_runs.id)`.execute(ctx.db)
  await sql`
    delete from tunnel_domains
    where verified_at is null and expires_at < ${ctx.clock.now()}`.execute(ctx.db)
  await sql`delete from tunnel_shares where expires_at < ${ago(FORGOTTEN_MS)}`.execute(ctx.db)
  await forgetRuns(ctx, ago(FORGOTTEN_MS))
}

async function giveUpStale(ctx: Context, since: Date): Promise<void> {
  const stale = await ctx.db
    .selectFrom('tunnels')
    .select('id')
    .where('status', '=', 'connecting')
    .where('statusSince', '<', since)
    .where('deletedAt', 'is', null)
    .limit(BATCH)
    .execute()
  for (const { id } of stale) await giveUp(ctx, id, since)
}

/** Those that ended long ago, and what they held: the next epoch rises all the same. */
async function forgetRuns(ctx: Context, before: Date): Promise<void> {
  await ctx.transaction(async ({ db }) => {
    const { rows } = await sql<{ id: string }>`
      select id from tunnel_agent_runs
      where ended_at < ${before}
        and not exists (select from tunnel_links where run_id = tunnel_agent_runs.id)
      order by ended_at limit ${BATCH} for update skip locked`.execute(db)
    const ids = rows.map(({ id }) => id)
    if (ids.length === 0) return
    await db.deleteFrom('tunnelHolders').where('runId', 'in', ids).execute()
    await db.deleteFrom('tunnelAgentRuns').where('id', 'in', ids).execute()
  })
}
