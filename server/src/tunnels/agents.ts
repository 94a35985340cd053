import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { AgentRun, RunAgent } from './agent-schema.ts'
import { giveUpConnecting } from './job-names.ts'
import { epochsOf, findRun, noteSeen, whyNot } from './links.ts'
import type { TunnelParts } from './parts.ts'
import { urlOfTunnel } from './present.ts'
import { problems } from './problems.ts'
import { endpointsOf, findManageable } from './read.ts'
import { changing } from './revision.ts'
import { endpointSpec } from './specs.ts'
import { linksOf, lockTunnels, moveTunnel, settle } from './status.ts'
import { CONNECT_MS } from './sweep.ts'
import { mayServe } from './suspension-schema.ts'
import type { AgentRunRow, TunnelRow } from './tables.ts'

/**
 * Lets an agent hold tunnels open: a new run takes them at once from the earlier one of its label, whose links are worth nothing from then
 * on. A run that calls again keeps its epochs, and gets back nothing that a newer one has taken. Announces `tunnel.connecting`.
 *
 * @throws problem `tunnel.not_found` for any that is not there for the caller, or `tunnel.run_unknown`
 */
export async function runAgent(
  ctx: Context,
  parts: TunnelParts,
  input: RunAgent,
  ipAddress: string,
): Promise<AgentRun> {
  for (const id of input.tunnels) await findManageable(ctx, parts, id)
  const known = input.runId === undefined ? undefined : await ownRun(ctx, input)
  const again = known && (await ctx.transaction((ctx) => holdAgain(ctx, known, input)))
  const { run, held } =
    again ??
    (await changing(ctx, parts, async (ctx, revision) => {
      const run = known ?? (await insertRun(ctx, input, ipAddress))
      return { run, held: await hold(ctx, run, { input, isNew: !known, revision }) }
    }))
  const refused = input.tunnels.filter((id) => !held.has(id))
  return {
    runId: run.id,
    ticket: await parts.ticketFor(run.id),
    relays: [...(await parts.relays(ctx))],
    tunnels: await describe(ctx, parts, run, held),
    refused: await whyNot(ctx, run, refused),
  }
}

/** @throws problem `tunnel.run_unknown`, also for the run of somebody else */
async function ownRun(ctx: Context, { runId, label }: RunAgent): Promise<AgentRunRow> {
  const run = await findRun(ctx, runId!)
  const isOwn =
    run?.accountId === ctx.accountId && run.label === label && run.userId === starter(ctx).userId
  if (!isOwn) throw problems.runUnknown({ id: runId })
  return run
}

function starter({ actor }: Context): Pick<AgentRunRow, 'userId' | 'keyId' | 'signInId'> {
  if (actor.kind === 'user') {
    return { userId: actor.userId, signInId: actor.signInId, keyId: null }
  }
  if (actor.kind === 'key') return { userId: actor.userId, keyId: actor.keyId, signInId: null }
  throw httpProblems.unauthenticated()
}

async function insertRun(ctx: Context, input: RunAgent, ipAddress: string): Promise<AgentRunRow> {
  const { label, version, host, tunnels: tunnelIds } = input
  const now = ctx.clock.now()
  return ctx.db
    .insertInto('tunnelAgentRuns')
    .values({
      ...{ id: ctx.newId('tar'), accountId: ctx.accountId, label, version, ipAddress, tunnelIds },
      ...{ ...starter(ctx), host: host ?? null, startedAt: now, lastSeenAt: now, endedAt: null },
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Nothing has changed for a run that holds all that it asks for: relays need not hear of it. */
async function holdAgain(
  ctx: Context,
  run: AgentRunRow,
  input: RunAgent,
): Promise<{ run: AgentRunRow; held: Held } | undefined> {
  const rows = (await lockTunnels(ctx, input.tunnels)).filter(mayServe)
  const epochs = await epochsOf(ctx, run)
  if (!rows.every(({ id }) => epochs.has(id))) return undefined
  const held: Held = new Map(rows.map((row) => [row.id, { row, epoch: epochs.get(row.id)! }]))
  await noteSeen(ctx, run.id)
  await expectLinks(ctx, run, held)
  return { run, held }
}

interface Holding {
  input: RunAgent
  isNew: boolean
  revision: string
}

type Held = Map<string, { row: TunnelRow; epoch: number }>

async function hold(
  ctx: Context,
  run: AgentRunRow,
  { input, isNew, revision }: Holding,
): Promise<Held> {
  const rows = await lockTunnels(ctx, input.tunnels)
  const held: Held = new Map()
  for (const row of rows.filter(mayServe)) {
    const mayTake = isNew || !run.tunnelIds.includes(row.id)
    const epoch = await holdOne(ctx, run, row, { mayTake, revision })
    if (epoch !== undefined) held.set(row.id, { row, epoch })
  }
  const tunnelIds = [...new Set([...run.tunnelIds, ...input.tunnels])].slice(-MOST_REMEMBERED)
  await ctx.db
    .updateTable('tunnelAgentRuns')
    .set({ tunnelIds, version: input.version })
    .where('id', '=', run.id)
    .execute()
  await noteSeen(ctx, run.id)
  await expectLinks(ctx, run, held)
  return held
}

const MOST_REMEMBERED = 500

/** The epoch in which the run holds the tunnel; undefined when a newer run does. */
async function holdOne(
  ctx: Context,
  run: AgentRunRow,
  row: TunnelRow,
  { mayTake, revision }: { mayTake: boolean; revision: string },
): Promise<number | undefined> {
  const holder = await ctx.db
    .selectFrom('tunnelHolders')
    .innerJoin('tunnelAgentRuns', 'tunnelAgentRuns.id', 'tunnelHolders.runId')
    .select(['runId', 'epoch', 'endedAt'])
    .where('tunnelId', '=', row.id)
    .where('agent', '=', run.label)
    .executeTakeFirst()
  if (holder?.runId === run.id) return holder.epoch
  if (holder && !holder.endedAt && !mayTake) return undefined
  const epoch = await nextEpoch(ctx, row.id, revision)
  const held = { runId: run.id, epoch, heldSince: ctx.clock.now() }
  await ctx.db
    .insertInto('tunnelHolders')
    .values({ tunnelId: row.id, agent: run.label, ...held })
    .onConflict((it) => it.columns(['tunnelId', 'agent']).doUpdateSet(held))
    .execute()
  await ctx.db
    .deleteFrom('tunnelLinks')
    .where('tunnelId', '=', row.id)
    .where('agent', '=', run.label)
    .execute()
  return epoch
}

async function nextEpoch(ctx: Context, id: string, revision: string): Promise<number> {
  const { lastEpoch } = await ctx.db
    .updateTable('tunnels')
    .set({ lastEpoch: sql<number>`last_epoch + 1`, revision })
    .where('id', '=', id)
    .returning('lastEpoch')
    .executeTakeFirstOrThrow()
  return lastEpoch
}

/** Tunnels without any link are about to be linked, for a while. */
async function expectLinks(ctx: Context, run: AgentRunRow, held: Held): Promise<void> {
  const links = await linksOf(ctx, [...held.keys()])
  await settle(
    ctx,
    [...held.values()].map(({ row }) => row),
  )
  for (const { row, epoch } of held.values()) {
    if (links.has(row.id)) continue
    const moved = await moveTunnel(ctx, row, { to: 'connecting', agent: run.label, epoch })
    if (!moved) continue
    const now = ctx.clock.now()
    const startAfter = new Date(now.getTime() + CONNECT_MS)
    await ctx.jobs.send(giveUpConnecting, { id: row.id, since: now.toISOString() }, { startAfter })
  }
}

async function describe(ctx: Context, parts: TunnelParts, run: AgentRunRow, held: Held) {
  const endpoints = await endpointsOf(ctx, [...held.keys()])
  return [...held.values()].map(({ row, epoch }) => ({
    ...{ id: row.id, name: row.name, epoch, url: urlOfTunnel(parts, row) },
    endpoints: (endpoints.get(row.id) ?? [])
      .filter(({ agent }) => agent === run.label)
      .map(endpointSpec)
      .map(({ id, url, healthCheck }) => ({ id, url, ...(healthCheck && { healthCheck }) })),
  }))
}
