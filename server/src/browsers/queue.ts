import { sql } from 'kysely'
import type { Clock } from '#kernel/clock.ts'
import type { Context } from '#kernel/context.ts'
import type { Logger } from '#kernel/log.ts'
import { Ticker } from '#kernel/ticker.ts'
import { startSession } from './create.ts'
import type { SessionNode } from './node/session-node.ts'
import type { BrowserRuntime } from './runtime.ts'
import { CLEAN, closeRow, keepWipe } from './service.ts'
import type { SessionRow } from './tables.ts'

export interface SessionQueueOptions {
  runtime: BrowserRuntime
  clock: Clock
  log: Logger
  contextFor(accountId?: string): Context
}

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
  readonly #starting = new Set<Promise<void>>()
  #restUntilMs = 0

  constructor(options: SessionQueueOptions) {
    this.#options = options
    const { log, runtime } = options
    const work = () => this.#look()
    this.#looking = new Ticker({ name: 'serve the queue', everyMs: LOOK_EVERY_MS, log, work })
    runtime.onPlace = () => this.#looking.nudge()
  }

  start(): void {
    this.#looking.start()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looking[Symbol.asyncDispose]()
    await Promise.allSettled(this.#starting)
  }

  async #look(): Promise<void> {
    await this.#endLate()
    const withoutPlace = new Set<string>()
    for (const { id, userId, accountId } of await this.#inTurn()) {
      if (this.#options.clock.monotonicMs() < this.#restUntilMs) return
      if (this.#starting.size >= STARTING_AT_ONCE || withoutPlace.size >= IN_VAIN) return
      if (withoutPlace.has(userId)) continue
      const ctx = this.#options.contextFor(accountId)
      const [node] = await this.#options.runtime.nodes.candidates(ctx, userId)
      if (node) await this.#place(ctx, id, node)
      else withoutPlace.add(userId)
    }
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
      where queued_until > ${clock.now()}
      order by turn, created_at, id limit ${LOOKED_AT}`.execute(contextFor().db)
    return rows
  }

  /** Gives the row of a session that waits its place, unless another process has, or it waits no more. */
  async #take(
    ctx: Context,
    id: string,
    { instanceId }: SessionNode,
  ): Promise<SessionRow | undefined> {
    const now = this.#options.clock.now()
    return ctx.db
      .updateTable('browserSessions')
      .set({
        ...{ status: 'starting', instanceId },
        expiresAt: sql<Date>`${now}::timestamptz + make_interval(secs => timeout_seconds)`,
      })
      .where('id', '=', id)
      .where('status', '=', 'queued')
      .where('queuedUntil', '>', now)
      .returningAll()
      .executeTakeFirst()
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

/** Every session that waits, and its turn: how many of its account are open or wait before it. */
const inTurn = sql`
  select queued.id, queued.user_id, queued.account_id, queued.created_at, queued.queued_until,
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
