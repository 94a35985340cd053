import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { takeRoundLock } from '#kernel/round-lock.ts'
import { Ticker } from '#kernel/ticker.ts'
import { closeAll } from './books.ts'
import { drainRelay, startRelay, undrainRelay } from './changes.ts'
import { configOf } from './config.ts'
import { endLost, failRelay } from './ends.ts'
import { scaled } from './events.ts'
import { relayJudge } from './judge.ts'
import { purgeMinutes } from './minutes.ts'
import type { RelaysParts } from './parts.ts'
import { JOIN_MS, planRelays, type RelayAction, type RelayFact } from './plan.ts'
import type { BeatFacts } from './relay-schema.ts'
import { relaysLeft, relaysThere } from './relays.ts'
import { readSettings } from './settings.ts'
import type { RelayRow } from './tables.ts'

const LOOK_EVERY_MS = 2_000
const KEEP_EVERY_MS = 10_000
/** Until then a relay may not have found the way to a control plane that was away itself. */
const SETTLED_MS = 60_000
/** How far back load is looked at. */
const LOAD_MS = 2 * 60_000
/** Their links were closed when they ended, unless the process that did it was killed between the two. */
const JUST_ENDED_MS = 10 * 60_000

/** Keeps as many relays as are needed, until disposed of. For a process that runs jobs. */
export function keepRelays(ctx: Context, parts: RelaysParts): AsyncDisposable {
  const settledAtMs = ctx.clock.monotonicMs() + SETTLED_MS
  const ticker = new Ticker({
    ...{ name: 'keep the relays', everyMs: KEEP_EVERY_MS, log: ctx.log },
    work: async () => {
      const mayEnd = ctx.clock.monotonicMs() >= settledAtMs
      const actions = await keepRound(ctx, parts, { mayEnd })
      if (actions.length > 0) ctx.log.info({ actions }, 'relay changes')
    },
  })
  ticker.start()
  return ticker
}

/** Looks for relays that are gone, until disposed of. For a process that takes their beats. */
export function judgeRelays(ctx: Context, parts: RelaysParts): AsyncDisposable {
  const judge = relayJudge(ctx.clock, parts)
  const ticker = new Ticker({
    ...{ name: 'look for relays that are gone', everyMs: LOOK_EVERY_MS, log: ctx.log },
    work: async () => {
      const gone = await judge.look(ctx)
      if (gone.length > 0) ctx.log.error({ relays: gone }, 'relays are gone')
    },
  })
  ticker.start()
  return ticker
}

/** One round, under a lock, so that of two at once one acts. Returns what was done. Unless `mayEnd`, none is given up. */
export async function keepRound(
  ctx: Context,
  parts: RelaysParts,
  { mayEnd = true }: { mayEnd?: boolean } = {},
): Promise<RelayAction[]> {
  const actions = await ctx.transaction(async (ctx) => {
    if (!(await takeRoundLock(ctx, 'relays.keep'))) return undefined
    const settings = await readSettings(ctx)
    const { lastScaleOutAt, lastScaleInAt } = settings
    const relays = await readFacts(ctx)
    const planned = planRelays({ relays, lastScaleOutAt, lastScaleInAt }, settings, ctx.clock.now())
    const done: RelayAction[] = []
    for (const action of planned) {
      if (action.kind === 'end' && !mayEnd) continue
      if (await act(ctx, parts, action, settings.scaling.provider)) done.push(action)
    }
    if (mayEnd) await endStrays(ctx, parts)
    await purgeMinutes(ctx)
    return done
  })
  if (actions) await closeLeft(ctx)
  return actions ?? []
}

async function act(
  ctx: Context,
  parts: RelaysParts,
  action: RelayAction,
  provider: 'local' | 'ec2' | 'kubernetes',
): Promise<boolean> {
  const { reason } = action
  switch (action.kind) {
    case 'fail':
      return failRelay(ctx, parts, action.id, reason)
    case 'end':
      return endLost(ctx, parts, action.id, reason)
    case 'start': {
      if (parts.machines.refuses(provider)) return false
      const { id } = await startRelay(ctx, parts, { provider })
      return note(ctx, 'lastScaleOutAt', { id, direction: 'out', reason })
    }
    case 'undrain':
      await undrainRelay(ctx, parts, action.id)
      return note(ctx, 'lastScaleOutAt', { id: action.id, direction: 'out', reason })
    case 'drain':
      await drainRelay(ctx, parts, action.id, 'surplus')
      return note(ctx, 'lastScaleInAt', { id: action.id, direction: 'in', reason })
  }
}

async function note(
  ctx: Context,
  column: 'lastScaleOutAt' | 'lastScaleInAt',
  fact: { id: string; direction: 'out' | 'in'; reason: string },
): Promise<boolean> {
  await ctx.db
    .updateTable('relaySettings')
    .set({ [column]: ctx.clock.now() })
    .execute()
  await ctx.events.emit(scaled, fact)
  return true
}

/** Machines of relays that nobody knows, as after a database was lost: what runs there is turned away whenever it comes. */
async function endStrays(ctx: Context, { machines }: RelaysParts): Promise<void> {
  const before = new Date(ctx.clock.now().getTime() - JOIN_MS)
  const ids = (await machines.there(ctx)).filter(({ since }) => since < before).map(({ id }) => id)
  const known = await ctx.db
    .selectFrom('relays')
    .select('instanceId')
    .where('instanceId', '=', sql<string>`any(${ids})`)
    .execute()
  const theirs = new Set(known.map(({ instanceId }) => instanceId))
  for (const id of ids.filter((id) => !theirs.has(id))) {
    await machines.end(ctx, id)
    ctx.log.warn({ instance: id }, 'a machine of no relay is ended')
  }
}

async function closeLeft(ctx: Context): Promise<void> {
  const since = new Date(ctx.clock.now().getTime() - JUST_ENDED_MS)
  const rows = await ctx.db
    .selectFrom('relays')
    .select('id')
    .where('status', 'in', ['error', 'stopped'])
    .where('provider', '<>', 'builtin')
    .where('statusSince', '>', since)
    .execute()
  for (const row of rows) await closeAll(ctx, row)
}

async function readFacts(ctx: Context): Promise<RelayFact[]> {
  const rows = [...(await relaysThere(ctx)), ...(await relaysLeft(ctx))]
  const loads = await readLoads(ctx)
  return rows.map((row) => {
    const { id, provider, status, statusSince, drainReason, drainUntil } = row
    const { links = 0, streams = 0 } = row.facts as Partial<BeatFacts>
    return {
      ...{ id, provider, status, statusSince, drainUntil, links, streams, load: loads.get(id) },
      drains: drainReason === 'surplus' || (drainReason !== null && status !== 'draining'),
      maxConnections: configOf(row).maxConnections,
    }
  })
}

/** The means of the last two minutes, of relays that have told of themselves for as long. */
async function readLoads(
  ctx: Context,
): Promise<Map<RelayRow['id'], { cpu: number; delayMs: number }>> {
  const since = new Date(ctx.clock.now().getTime() - LOAD_MS)
  const rows = await ctx.db
    .selectFrom('relayMinutes')
    .select((row) => [
      'relayId',
      row.fn.avg<string>('cpu').as('cpu'),
      row.fn.avg<string>('eventLoopDelayMs').as('delayMs'),
    ])
    .where('minute', '>=', since)
    .groupBy('relayId')
    .having((row) => row.fn.countAll(), '>=', 2)
    .execute()
  return new Map(
    rows.map(({ relayId, cpu, delayMs }) => [
      relayId,
      { cpu: Number(cpu), delayMs: Number(delayMs) },
    ]),
  )
}
