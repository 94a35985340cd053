import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { lapsedOf } from './fence.ts'
import type { Starter, TunnelParts } from './parts.ts'
import { urlOfTunnel } from './present.ts'
import { problems } from './problems.ts'
import { specsOf } from './specs.ts'
import type { TunnelSpec } from './spec.ts'
import { lockTunnels, moveTunnel, noteLostLinks, type Reason } from './status.ts'
import { mayServe } from './suspension-schema.ts'
import type { AgentRunRow, TunnelRow } from './tables.ts'

export interface NewTunnelLink {
  linkId: string
  relayId: string
  /** Which life of the relay has it. */
  relayEpoch: number
  /** Of the agent: the subject of the ticket that it has shown. */
  runId: string
  agentVersion: string
  ipAddress: string
}

export interface OpenedTunnelLink {
  runId: string
  label: string
  tunnels: { spec: TunnelSpec; epoch: number; url: string }[]
  /** Of the run, but not this link's: by the code of a problem. */
  refused: { tunnelId: string; code: string; detail: string }[]
}

/**
 * Takes a link into the books: the tunnels that its run holds are connected. With a link that is in the books, what it carries is found
 * anew, such as a tunnel that was started again. Announces `tunnel.connected`.
 *
 * @throws problem `tunnel.run_unknown`, or `tunnel.run_refused` when whoever has started the run may not act for the account any more
 */
export async function openLink(
  ctx: Context,
  parts: TunnelParts,
  link: NewTunnelLink,
): Promise<OpenedTunnelLink> {
  const run = await findRun(ctx, link.runId)
  if (!run) throw problems.runUnknown({ id: link.runId })
  if (!(await parts.mayHold(ctx, starterOf(run)))) throw problems.runRefused()
  const lapsed = await lapsedOf(ctx, parts, run)
  const carried = await ctx.transaction((ctx) => enter(ctx, run, link, lapsed))
  const specs = await specsOf(ctx, parts, [...carried.keys()])
  const tunnels = specs.map((spec) => ({
    ...{ spec, epoch: carried.get(spec.id)!.epoch },
    url: urlOfTunnel(parts, carried.get(spec.id)!.row),
  }))
  const refused = run.tunnelIds.filter((id) => !carried.has(id))
  return {
    runId: run.id,
    label: run.label,
    tunnels,
    refused: await whyNot(ctx, run, refused, lapsed),
  }
}

/** Who has started a run. */
export function starterOf({ accountId, userId, keyId, signInId }: AgentRunRow): Starter {
  return { accountId, userId, ...(keyId && { keyId }), ...(signInId && { signInId }) }
}

export function findRun({ db }: Context, id: string): Promise<AgentRunRow | undefined> {
  return db.selectFrom('tunnelAgentRuns').selectAll().where('id', '=', id).executeTakeFirst()
}

type Carried = Map<string, { row: TunnelRow; epoch: number }>

async function enter(
  ctx: Context,
  run: AgentRunRow,
  link: NewTunnelLink,
  lapsed: ReadonlySet<string>,
): Promise<Carried> {
  const { linkId, relayId, relayEpoch } = link
  const wanted = run.tunnelIds.filter((id) => !lapsed.has(id))
  const rows = await lockTunnels(ctx, wanted)
  const epochs = await epochsOf(ctx, run)
  const carried: Carried = new Map(
    rows.flatMap((row) => {
      const epoch = epochs.get(row.id)
      return epoch !== undefined && mayServe(row) ? [[row.id, { row, epoch }]] : []
    }),
  )
  const facts = { linkId, relayId, relayEpoch, runId: run.id, agent: run.label }
  for (const { row, epoch } of carried.values()) {
    await ctx.db
      .insertInto('tunnelLinks')
      .values({ ...facts, epoch, tunnelId: row.id, openedAt: ctx.clock.now() })
      .onConflict((it) =>
        it.columns(['linkId', 'tunnelId']).doUpdateSet({ epoch, relayEpoch, portError: null }),
      )
      .execute()
    await moveTunnel(ctx, row, { to: 'connected', agent: run.label, relayId })
  }
  await noteSeen(ctx, run.id, { version: link.agentVersion, ipAddress: link.ipAddress })
  return carried
}

/** Of the tunnels that the run holds now. */
export async function epochsOf({ db }: Context, { id }: AgentRunRow): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('tunnelHolders')
    .select(['tunnelId', 'epoch'])
    .where('runId', '=', id)
    .execute()
  return new Map(rows.map(({ tunnelId, epoch }) => [tunnelId, epoch]))
}

/** A run that is seen has not ended. */
export async function noteSeen(
  ctx: Context,
  runId: string,
  facts: { version?: string; ipAddress?: string } = {},
): Promise<void> {
  await ctx.db
    .updateTable('tunnelAgentRuns')
    .set({ ...facts, lastSeenAt: ctx.clock.now(), endedAt: null })
    .where('id', '=', runId)
    .execute()
}

/** Why a run holds none of these. */
export async function whyNot(
  ctx: Context,
  { label }: Pick<AgentRunRow, 'label'>,
  ids: readonly string[],
  lapsed: ReadonlySet<string> = new Set(),
): Promise<OpenedTunnelLink['refused']> {
  if (ids.length === 0) return []
  const rows = await ctx.db
    .selectFrom('tunnels')
    .select(['id', 'started', 'suspendedAt', 'deletedAt'])
    .where('id', 'in', ids)
    .execute()
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.map((id) => {
    const row = byId.get(id)
    const isThere = row && !row.deletedAt && !lapsed.has(id)
    const problem = isThere ? whyNotThere(row, label) : problems.notFound({ id })
    return { tunnelId: id, code: problem.code, detail: problem.message }
  })
}

function whyNotThere(
  { id, started, suspendedAt }: Pick<TunnelRow, 'id' | 'started' | 'suspendedAt'>,
  label: string,
) {
  if (suspendedAt) return problems.suspended({ id })
  return started ? problems.takenOver({ id, label }) : problems.stopped({ id })
}

/** A link has ended; of no effect when the books do not have it. Announces `tunnel.disconnected` for tunnels whose last one it was. */
export async function closeLink(ctx: Context, linkId: string, relayId?: string): Promise<void> {
  const isIts = relayId === undefined ? sql`true` : sql`relay_id = ${relayId}`
  await dropLinks(ctx, sql<boolean>`link_id = ${linkId} and ${isIts}`, 'link_lost')
}

/** Which of these links the books have as links of this relay. */
export async function linksInBooks(
  ctx: Context,
  relayId: string,
  linkIds: readonly string[],
): Promise<Set<string>> {
  if (linkIds.length === 0) return new Set()
  const rows = await ctx.db
    .selectFrom('tunnelLinks')
    .select('linkId')
    .distinct()
    .where('relayId', '=', relayId)
    .where('linkId', '=', sql<string>`any(${linkIds})`)
    .execute()
  return new Set(rows.map(({ linkId }) => linkId))
}

/**
 * The links of a relay have ended but for those to keep: it is gone, or does not name them any more.
 *
 * @param openedBefore links that are younger stay: the relay could not name them yet
 */
export async function closeLinksOf(
  ctx: Context,
  relayId: string,
  keep: readonly string[],
  { openedBefore }: { openedBefore?: Date } = {},
): Promise<void> {
  const isOlder = openedBefore ? sql`opened_at < ${openedBefore}` : sql`true`
  const which = sql<boolean>`relay_id = ${relayId} and link_id <> all(${keep}) and ${isOlder}`
  await dropLinks(ctx, which, 'relay_gone')
}

/** Rounds: a link that is opened meanwhile is found by the next one. */
const MOST_ROUNDS = 10

/** Strikes links out of the books, and sees what that means for their tunnels. */
async function dropLinks(
  ctx: Context,
  which: ReturnType<typeof sql<boolean>>,
  reason: Reason,
): Promise<void> {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const dropped = await ctx.transaction((ctx) => dropRound(ctx, which, reason))
    if (dropped === 0) return
  }
}

async function dropRound(
  ctx: Context,
  which: ReturnType<typeof sql<boolean>>,
  reason: Reason,
): Promise<number> {
  const found = await ctx.db
    .selectFrom('tunnelLinks')
    .select('tunnelId')
    .distinct()
    .where(which)
    .execute()
  const ids = found.map(({ tunnelId }) => tunnelId)
  if (ids.length === 0) return 0
  const rows = await lockTunnels(ctx, ids)
  // Only of tunnels that are locked: what is connected to others is for the next round.
  await ctx.db.deleteFrom('tunnelLinks').where(which).where('tunnelId', 'in', ids).execute()
  await noteLostLinks(ctx, rows, reason)
  return ids.length
}
