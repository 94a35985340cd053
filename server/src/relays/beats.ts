import type { Context } from '#kernel/context.ts'
import { closeAll, closeMissing } from './books.ts'
import { draining, joined, returned, stopped } from './events.ts'
import { keepLines } from './log-lines.ts'
import { keepMinute } from './minutes.ts'
import type { RelaysParts } from './parts.ts'
import { problems } from './problems.ts'
import type { BeatFacts, BeatRelay, RelayBeatAnswer } from './relay-schema.ts'
import { isEnded, namesOf } from './relays.ts'
import type { RelayRow } from './tables.ts'

export const BEAT_SECONDS = 5
/** Less than any process lives. */
const CLOCK_MOVES_MS = 1_000

type Beating = Pick<RelayRow, 'id' | 'epoch'>

/**
 * Keeps what a relay tells of itself and answers what it has to do. A beat that was overtaken changes nothing. A relay that was gone is
 * back with it, and announces `relay.returned`. Where it names its links, the books are brought in line with them, and it is told which
 * of them the books do not have.
 *
 * @throws problem `relay.unauthenticated` when a later join or the end of the relay has replaced it
 */
export async function beat(
  ctx: Context,
  parts: Pick<RelaysParts, 'publicKeys' | 'doorbell'>,
  relay: Beating,
  told: BeatRelay,
): Promise<RelayBeatAnswer> {
  const kept = await ctx.transaction((ctx) => keepBeat(ctx, parts, relay, told))
  const row = kept?.row ?? (await findRelay(ctx, relay))
  if (!row || isEnded(row)) throw problems.unauthenticated()
  // What a beat that was overtaken says of its links is no longer so.
  const drop = kept && told.links ? await closeMissing(ctx, row, told.links) : []
  return {
    ...{ drop, tellLinks: kept?.wasGone ?? false, beatSeconds: BEAT_SECONDS },
    peers: await countPeers(ctx, row.id),
    ...{ sequence: Number(row.sequence), publicKeys: [...(await parts.publicKeys())] },
    ...(isToStop(row) && {
      stop: { ...(row.drainUntil && { until: row.drainUntil.toISOString() }) },
    }),
  }
}

export function isToStop({ status, drainReason }: RelayRow): boolean {
  return status === 'stopped' || drainReason === 'stopping' || drainReason === 'surplus'
}

async function keepBeat(
  ctx: Context,
  parts: Pick<RelaysParts, 'doorbell'>,
  { id, epoch }: Beating,
  told: BeatRelay,
): Promise<{ row: RelayRow; wasGone: boolean } | undefined> {
  const { sequence, facts, url, internalUrl, lines = [] } = told
  const before = await ctx.db
    .selectFrom('relays')
    .selectAll()
    .where('id', '=', id)
    .where('epoch', '=', epoch)
    .where('sequence', '<', String(sequence))
    .forUpdate()
    .executeTakeFirst()
  if (!before || isEnded(before)) return undefined
  const after = stateAfter(before, told)
  const hasBegunAnew = after.status === 'running' && !isSameProcess(before.facts, facts)
  const now = ctx.clock.now()
  const row = await ctx.db
    .updateTable('relays')
    .set({
      ...{ sequence: String(sequence), facts: JSON.stringify(facts), version: facts.version },
      ...{ ...after, lastBeatAt: now, goneAt: null, errorMessage: facts.error ?? null },
      ...((hasBegunAnew || after.status !== before.status) && { statusSince: now }),
      ...(after.status !== 'stopped' && { endedAt: null }),
      ...(url && { url }),
      ...(internalUrl && { internalUrl }),
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await keepMinute(ctx, before, facts)
  await keepLines(ctx, id, lines)
  await announce(ctx, before, row)
  const moved =
    before.internalUrl !== row.internalUrl || before.url !== row.url || before.status !== row.status
  if (moved || hasBegunAnew) ctx.afterCommit(() => parts.doorbell.ring('tunnels'))
  return { row, wasGone: before.goneAt !== null || before.status === 'stopped' }
}

/** By its own clock, since when it runs. */
function isSameProcess(before: Partial<BeatFacts>, now: BeatFacts): boolean {
  if (before.now === undefined || before.uptimeSeconds === undefined) return true
  const begunMs = (told: Pick<BeatFacts, 'now' | 'uptimeSeconds'>) =>
    Date.parse(told.now) - told.uptimeSeconds * 1000
  return Math.abs(begunMs(now) - begunMs(before as BeatFacts)) < CLOCK_MOVES_MS
}

/**
 * A relay that was stopped and beats has been started again where it runs. That of the control plane's own process beats all the time: it
 * is stopped once it carries nothing.
 */
function stateAfter(
  { status, provider, drainReason }: RelayRow,
  { facts: { draining, links, streams }, leaving }: BeatRelay,
): Pick<RelayRow, 'status' | 'drainReason'> {
  const isBuiltin = provider === 'builtin'
  if (status === 'stopped' && isBuiltin) return { status, drainReason }
  const reason = drainReason ?? (leaving ? 'leaving' : null)
  if (!reason) return { status: 'running', drainReason: null }
  const isOver = isBuiltin && reason !== 'asked' && draining && links === 0 && streams === 0
  return { status: isOver ? 'stopped' : 'draining', drainReason: reason }
}

async function announce(ctx: Context, before: RelayRow, row: RelayRow): Promise<void> {
  const names = namesOf(row)
  if (before.goneAt) await ctx.events.emit(returned, names)
  if (before.status === 'stopped' && row.status !== 'stopped') await ctx.events.emit(joined, names)
  if (before.status !== 'stopped' && row.status === 'stopped') await ctx.events.emit(stopped, names)
  if (!before.drainReason && row.drainReason) {
    await ctx.events.emit(draining, { ...names, reason: row.drainReason })
  }
}

/** How many other relays live. */
async function countPeers(ctx: Context, id: string): Promise<number> {
  const { count } = await ctx.db
    .selectFrom('relays')
    .select((row) => row.fn.countAll<string>().as('count'))
    .where('id', '<>', id)
    .where('status', 'in', ['running', 'draining'])
    .executeTakeFirstOrThrow()
  return Number(count)
}

function findRelay(ctx: Context, { id, epoch }: Beating): Promise<RelayRow | undefined> {
  return ctx.db
    .selectFrom('relays')
    .selectAll()
    .where('id', '=', id)
    .where('epoch', '=', epoch)
    .executeTakeFirst()
}

/** What an operator has asked of it outlives its process; that of the control plane's own process stays as it was stopped, too. */
function reasonAfter({ provider, drainReason }: RelayRow): RelayRow['drainReason'] {
  if (provider === 'builtin') return drainReason ?? 'leaving'
  return drainReason === 'leaving' ? null : drainReason
}

/**
 * A relay goes in order: what links the books have left of it are closed. One that goes by itself may come again; one that was told to
 * stop may not, and the machine that it was started on is ended. Announces `relay.stopped`. Beats up to `sequence` that arrive later
 * change nothing.
 *
 * @throws problem `relay.unauthenticated` when a later join has replaced this relay
 */
export async function leave(
  ctx: Context,
  parts: Pick<RelaysParts, 'machines' | 'doorbell'>,
  { id, epoch }: Beating,
  sequence: number,
): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const before = await ctx.db
      .selectFrom('relays')
      .selectAll()
      .where('id', '=', id)
      .where('epoch', '=', epoch)
      .where('status', '<>', 'stopped')
      .forUpdate()
      .executeTakeFirst()
    if (!before) return
    const now = ctx.clock.now()
    const highest = Math.max(Number(before.sequence), sequence)
    const row = await ctx.db
      .updateTable('relays')
      .set({
        ...{ status: 'stopped', statusSince: now, endedAt: now, goneAt: null, errorMessage: null },
        ...{ drainReason: reasonAfter(before), drainUntil: null },
        sequence: String(highest),
      })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow()
    await ctx.events.emit(stopped, namesOf(row))
    if (row.instanceId && isToStop(before)) await parts.machines.end(ctx, row.instanceId)
    ctx.afterCommit(() => parts.doorbell.ring('tunnels'))
  })
  await closeAll(ctx, { id })
  ctx.log.info({ relay: id }, 'relay left')
}
