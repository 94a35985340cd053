import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { TunnelParts } from './parts.ts'
import { changing } from './revision.ts'
import { shareFor } from './shared.ts'
import { lockTunnels, noteLostLinks } from './status.ts'
import type { AgentRunRow } from './tables.ts'

/** Whoever holds a tunnel under a label holds it no more: what they have is of an epoch that is over. For a caller of `changing`. */
export async function fence(
  { db }: Context,
  { tunnelId, agent }: { tunnelId: string; agent: string },
  revision: string,
): Promise<void> {
  const { lastEpoch } = await db
    .updateTable('tunnels')
    .set({ lastEpoch: sql<number>`last_epoch + 1`, revision })
    .where('id', '=', tunnelId)
    .returning('lastEpoch')
    .executeTakeFirstOrThrow()
  await db
    .updateTable('tunnelHolders')
    .set({ epoch: lastEpoch })
    .where('tunnelId', '=', tunnelId)
    .where('agent', '=', agent)
    .execute()
  await db
    .deleteFrom('tunnelLinks')
    .where('tunnelId', '=', tunnelId)
    .where('agent', '=', agent)
    .execute()
}

type Run = Pick<AgentRunRow, 'userId' | 'accountId' | 'tunnelIds'>

/** The tunnels of other accounts that the run was started for, and that are not shared with it any more. */
export async function lapsedOf(
  ctx: Context,
  parts: Pick<TunnelParts, 'provenEmailKey'>,
  run: Run,
): Promise<Set<string>> {
  const foreign = await ctx.db
    .selectFrom('tunnels')
    .select('id')
    .where('id', '=', sql<string>`any(${run.tunnelIds})`)
    .where('accountId', '<>', run.accountId)
    .execute()
  const lapsed = new Set<string>()
  for (const { id } of foreign) if (!(await isLent(ctx, parts, run, id))) lapsed.add(id)
  return lapsed
}

async function isLent(
  ctx: Context,
  parts: Pick<TunnelParts, 'provenEmailKey'>,
  { userId, accountId }: Pick<Run, 'userId' | 'accountId'>,
  tunnelId: string,
): Promise<boolean> {
  const share = await shareFor(ctx, parts, { userId, accountId }, tunnelId)
  return share?.permission === 'manage'
}

/** Fences off the agents of other accounts that a tunnel is not shared with any more. For a caller of `changing`. */
export async function fenceGuests(
  ctx: Context,
  parts: Pick<TunnelParts, 'provenEmailKey'>,
  tunnelId: string,
  revision: string,
): Promise<void> {
  const rows = await lockTunnels(ctx, [tunnelId])
  const guests = await guestsOf(ctx).where('tunnelId', '=', tunnelId).execute()
  for (const guest of guests) {
    if (!(await isLent(ctx, parts, guest, tunnelId))) await fence(ctx, guest, revision)
  }
  await noteLostLinks(ctx, rows, 'refused')
}

/** Holders of tunnels of other accounts. */
function guestsOf({ db }: Context) {
  return db
    .selectFrom('tunnelHolders')
    .innerJoin('tunnelAgentRuns', 'tunnelAgentRuns.id', 'tunnelHolders.runId')
    .innerJoin('tunnels', 'tunnels.id', 'tunnelHolders.tunnelId')
    .select(['tunnelId', 'agent', 'userId', 'tunnelAgentRuns.accountId'])
    .where('endedAt', 'is', null)
    .whereRef('tunnelAgentRuns.accountId', '<>', 'tunnels.accountId')
}

const MOST_GUESTS = 1_000

/** The same for shares that have expired. */
export async function fenceLapsed(
  ctx: Context,
  parts: Pick<TunnelParts, 'provenEmailKey' | 'ring'>,
): Promise<void> {
  const linked = await guestsOf(ctx)
    .where('tunnelId', 'in', (links) => links.selectFrom('tunnelLinks').select('tunnelId'))
    .limit(MOST_GUESTS)
    .execute()
  for (const guest of linked) {
    if (await isLent(ctx, parts, guest, guest.tunnelId)) continue
    await changing(ctx, parts, (ctx, revision) => fenceGuests(ctx, parts, guest.tunnelId, revision))
  }
}
