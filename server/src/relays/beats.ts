import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { closeAll, closeMissing } from './books.ts'
import { returned, stopped } from './events.ts'
import { keepLines } from './log-lines.ts'
import { keepMinute } from './minutes.ts'
import type { RelaysParts } from './parts.ts'
import { problems } from './problems.ts'
import type { BeatFacts, BeatRelay, RelayBeatAnswer } from './relay-schema.ts'
import { namesOf } from './relays.ts'
import type { RelayRow } from './tables.ts'

export const BEAT_SECONDS = 5

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
  if (!row) throw problems.unauthenticated()
  // What a beat that was overtaken says of its links is no longer so.
  const drop = kept && told.links ? await closeMissing(ctx, row, told.links) : []
  return {
    ...{ drop, tellLinks: kept?.wasGone ?? false, beatSeconds: BEAT_SECONDS },
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
  if (!before) return undefined
  const status = statusAfter(before, facts)
  const now = ctx.clock.now()
  const row = await ctx.db
    .updateTable('relays')
    .set({
      ...{ sequence: String(sequence), facts: JSON.stringify(facts), version: facts.version },
      ...{ status, lastBeatAt: now, goneAt: null, errorMessage: facts.error ?? null },
      ...(status !== before.status && { statusSince: now }),
      ...(url && { url }),
      ...(internalUrl && { internalUrl }),
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await keepMinute(ctx, before, facts)
  await keepLines(ctx, id, lines)
  if (before.goneAt) await ctx.events.emit(returned, namesOf(row))
  if (status === 'stopped' && before.status !== 'stopped')
    await ctx.events.emit(stopped, namesOf(row))
  const moved = before.internalUrl !== row.internalUrl || before.status !== status
  if (moved) ctx.afterCommit(() => parts.doorbell.ring('tunnels'))
  return { row, wasGone: before.goneAt !== null }
}

/** A relay of the control plane's own process is stopped once it carries nothing; any other says that it leaves. */
function statusAfter(
  { status, provider, drainReason }: RelayRow,
  { draining, links, streams }: BeatFacts,
): RelayRow['status'] {
  if (status === 'stopped') return 'stopped'
  if (!drainReason) return 'running'
  const isOver = provider === 'builtin' && drainReason !== 'asked'
  return isOver && draining && links === 0 && streams === 0 ? 'stopped' : 'draining'
}

function findRelay(ctx: Context, { id, epoch }: Beating): Promise<RelayRow | undefined> {
  return ctx.db
    .selectFrom('relays')
    .selectAll()
    .where('id', '=', id)
    .where('epoch', '=', epoch)
    .executeTakeFirst()
}

/**
 * A relay goes in order: what links the books have left of it are closed, and the machine that it was started on is ended. Announces
 * `relay.stopped`. Beats up to `sequence` that arrive later change nothing.
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
    const now = ctx.clock.now()
    const row = await ctx.db
      .updateTable('relays')
      .set({
        ...{ status: 'stopped', statusSince: now, endedAt: now, goneAt: null, drainReason: null },
        ...{ drainUntil: null, errorMessage: null },
        sequence: sql<string>`greatest(sequence, ${sequence})`,
      })
      .where('id', '=', id)
      .where('epoch', '=', epoch)
      .where('status', '<>', 'stopped')
      .returningAll()
      .executeTakeFirst()
    if (!row) return
    await ctx.events.emit(stopped, namesOf(row))
    if (row.instanceId) await parts.machines.end(ctx, row.instanceId)
    ctx.afterCommit(() => parts.doorbell.ring('tunnels'))
  })
  await closeAll(ctx, { id })
  ctx.log.info({ relay: id }, 'relay left')
}
