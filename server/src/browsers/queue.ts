import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { Ticker } from '#kernel/ticker.ts'
import { throughBlip } from './awaited.ts'
import { startSession } from './create.ts'
import type { SessionNode } from './node/session-node.ts'
import { CLEAN, closeRow, keepWipe } from './service.ts'
import type { SessionRow } from './tables.ts'
import { type UnawaitedOptions, UnawaitedSessions } from './unawaited.ts'

export type SessionQueueOptions = UnawaitedOptions

const LOOK_EVERY_MS = 1_000
const ENDED_AT_ONCE = 100
const STARTING_AT_ONCE = 50
const LOOKED_AT = 10_000
/** Users for whom places are looked for in vain before the look ends: each costs a query. */
const IN_VAIN = 200

interface Waiting {
  id: string
  userId: string
  accountId: string
}

/**
 * Gives places to the sessions that wait for one. Each account gets its turn: before its second session comes the first one of
 * everybody else, counting those that it has open; within a turn the oldest goes first. Any number of processes may do this at once.
 */
export class SessionQueue implements AsyncDisposable {
  readonly #options: SessionQueueOptions
  readonly #looking: Ticker
  readonly #unawaited: UnawaitedSessions
  readonly #starting = new Set<Promise<void>>()
  #restUntilMs = 0

  constructor(options: SessionQueueOptions) {
    this.#options = options
    const { log } = options
    const work = () => this.#look()
    this.#looking = new Ticker({ name: 'serve the queue', everyMs: LOOK_EVERY_MS, log, work })
    this.#unawaited = new UnawaitedSessions(options)
  }

  start(): void {
    this.#options.runtime.onPlace = () => this.#looking.nudge()
    this.#looking.start()
    this.#unawaited.start()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looking[Symbol.asyncDispose]()
    await this.#unawaited[Symbol.asyncDispose]()
    await Promise.allSettled(this.#starting)
  }

  /** The order is read after a place was seen: who was asked before it became free is not passed over. */
  async #look(): Promise<void> {
    await this.#endLate()
    if (await this.#offer(async () => 'enough')) {
      await this.#offer((ctx, id, node) => this.#place(ctx, id, node))
    }
  }

  /** Asks in turn for whom there is a place, and has it given, until that is enough. Tells whether there was one. */
  async #offer(
    give: (ctx: Context, id: string, node: SessionNode) => Promise<void | 'enough'>,
  ): Promise<boolean> {
    const withoutPlace = new Set<string>()
    let hasGiven = false
    for (const { id, userId, accountId } of await this.#inTurn()) {
      if (this.#options.clock.monotonicMs() < this.#restUntilMs) break
      if (this.#starting.size >= STARTING_AT_ONCE || withoutPlace.size >= IN_VAIN) break
      if (withoutPlace.has(userId)) continue
      const ctx = this.#options.contextFor(accountId)
      const [node] = await this.#options.runtime.nodes.candidates(ctx, userId)
      if (!node) withoutPlace.add(userId)
      else {
        hasGiven = true
        if ((await give(ctx, id, node)) === 'enough') break
      }
    }
    return hasGiven
  }

  /** Takes a session out of the queue and starts it, which goes on when this has returned. */
  async #place(ctx: Context, id: string, node: SessionNode): Promise<void> {
    const unmark = this.#options.runtime.starting.mark(id)
    const row = await this.#take(ctx, id, node).catch((error: unknown) => {
      unmark()
      throw error
    })
    if (!row) return unmark()
    const starting: Promise<void> = this.#start(ctx, row, node).finally(() => {
      unmark()
      this.#starting.delete(starting)
    })
    this.#starting.add(starting)
  }

  async #inTurn(): Promise<Waiting[]> {
    const { clock, contextFor } = this.#options
    const { rows } = await sql<Waiting>`
      select id, user_id, account_id from (${inTurn}) as waiting
      where queued_until > ${clock.now()} and ${isAwaited}
      order by turn, created_at, id limit ${LOOKED_AT}`.execute(contextFor().db)
    return rows
  }

  /** Gives the row of a session that waits its place, unless another process has, or it waits no more. */
  #take(ctx: Context, id: string, { instanceId }: SessionNode): Promise<SessionRow | undefined> {
    const { clock, runtime } = this.#options
    const now = clock.now()
    const expiresAt = sql<Date>`${now}::timestamptz + make_interval(secs => timeout_seconds)`
    // Taken by a try whose answer was lost with its connection.
    const isMine = sql<boolean>`status = 'starting' and instance_id = ${instanceId} and expires_at = ${expiresAt}`
    const mayTake = sql<boolean>`status = 'queued' and queued_until > ${now} and ${isAwaited}`
    let tries = 0
    return throughBlip(ctx, runtime.stopping, () =>
      ctx.db
        .updateTable('browserSessions')
        .set({ status: 'starting', instanceId, expiresAt })
        .where('id', '=', id)
        .where(tries++ > 0 ? sql<boolean>`(${mayTake} or ${isMine})` : mayTake)
        .returningAll()
        .executeTakeFirst(),
    )
  }

  /** Where the machine had no place after all, the queue rests for a moment. */
  async #start(ctx: Context, row: SessionRow, node: SessionNode): Promise<void> {
    const { runtime, clock, log } = this.#options
    try {
      const { status } = await startSession(ctx, runtime, row, node)
      if (status === 'queued') this.#restUntilMs = clock.monotonicMs() + LOOK_EVERY_MS
    } catch (error) {
      // Who waits for it learns this from its row.
      log.info({ err: error, session: row.id }, 'a session that had waited did not start')
    } finally {
      runtime.settled(row.id)
    }
  }

  async #endLate(): Promise<void> {
    const { runtime, clock, contextFor } = this.#options
    const late = await contextFor()
      .db.selectFrom('browserSessions')
      .select(['id', 'accountId'])
      .where('status', '=', 'queued')
      .where('queuedUntil', '<=', clock.now())
      .limit(ENDED_AT_ONCE)
      .execute()
    for (const { id, accountId } of late) {
      const ctx = contextFor(accountId)
      const closed = await ctx.transaction((ctx) => closeRow(ctx, id, LATE))
      if (!closed) continue
      await keepWipe(ctx, id, CLEAN)
      runtime.settled(id)
    }
  }
}

/** One that has got its place at the last moment keeps it. */
const LATE = {
  reason: 'queue_timeout',
  errorMessage: 'no place became free',
  from: 'queued',
} as const

/** A place is for nobody whose call has fallen silent; there a session may yet be heard of again. */
const isAwaited = sql<boolean>`(awaited_until is null or awaited_until > now())`

/** Every session that waits, and its turn: how many of its account are open or wait before it. */
const inTurn = sql`
  select queued.id, queued.user_id, queued.account_id, queued.created_at, queued.queued_until, queued.awaited_until,
    row_number() over (partition by queued.account_id order by queued.created_at, queued.id)
      + (select count(*) from browser_sessions open where open.account_id = queued.account_id
          and open.status in ('starting', 'active')) as turn
  from browser_sessions queued
  where queued.status = 'queued'`

/** The places of sessions in the queue, counted from 1; those that do not wait have none. */
export async function queuePlaces(
  ctx: Context,
  ids: readonly string[],
): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map()
  const { rows } = await sql<{ id: string; place: number }>`
    select id, place from (
      select id, (row_number() over (order by turn, created_at, id))::int as place
      from (${inTurn}) as waiting
    ) as places
    where id = any(${[...ids]}::text[])`.execute(ctx.db)
  return new Map(rows.map(({ id, place }) => [id, place]))
}

/** How many sessions each of these machines has, those that start on it too. */
export async function openOn(
  ctx: Context,
  instanceIds: readonly string[],
): Promise<Map<string, number>> {
  if (instanceIds.length === 0) return new Map()
  const rows = await ctx.db
    .selectFrom('browserSessions')
    .select((row) => ['instanceId', row.fn.countAll<string>().as('open')])
    .where('instanceId', 'in', [...instanceIds])
    .where('endedAt', 'is', null)
    .groupBy('instanceId')
    .execute()
  return new Map(rows.map(({ instanceId, open }) => [instanceId!, Number(open)]))
}

/** How much waits for a place. */
export async function waitingLoad(
  ctx: Context,
): Promise<{ queued: number; oldestQueuedSeconds: number }> {
  const { queued, oldest } = await ctx.db
    .selectFrom('browserSessions')
    .select((row) => [row.fn.countAll<string>().as('queued'), row.fn.min('createdAt').as('oldest')])
    .where('status', '=', 'queued')
    .executeTakeFirstOrThrow()
  const waitedMs = oldest ? ctx.clock.now().getTime() - oldest.getTime() : 0
  return { queued: Number(queued), oldestQueuedSeconds: Math.max(0, waitedMs / 1000) }
}
