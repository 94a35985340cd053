import { sql } from 'kysely'
import type { Context } from '../context.ts'
import type { Db } from '../db.ts'
import type { Doorbell } from '../doorbell.ts'
import type { Reader } from '../events.ts'
import type { Situation } from '../kernel.ts'
import type { Logger } from '../log.ts'
import { Ticker } from '../ticker.ts'
import { kindsAfter, readersBehind, registerReader } from './cursor.ts'
import { makeEventPartitions } from './epoch.ts'
import { ReaderLoop } from './reader-loop.ts'

export interface EventReadersOptions {
  db: Db
  readers: readonly Reader[]
  doorbell: Doorbell
  contextFor: (situation: Situation) => Context
  log: Logger
  /** What the event in hand gets to finish when the process stops; 5 s unless given. */
  graceMs?: number
}

/** How one reader is doing, in all processes together. */
export interface ReaderState {
  name: string
  /** Age of the oldest event that it has not passed; 0 when it has passed all. */
  lagSeconds: number
  /** Tries of that event that have failed. */
  failures: number
  lastError: string | null
}

const POLL_MS = 1000
/** Less than from one poll to the next, which may come a little early: then they would go on with every second one. */
const ALL_EVERY_MS = 900
/** Whoever wrote the event has somebody who waits for an answer, and who is not to wait for the readers. */
const AFTER_RING_MS = 25
/** Of events that nobody has looked at the kinds of, more are not looked at. */
const MOST_KINDS_OF = 500
const GRACE_MS = 5000

/** Runs the manifest's readers. Over all processes, each reader runs in one at a time. */
export class EventReaders implements AsyncDisposable {
  readonly #options: EventReadersOptions
  readonly #loops: ReaderLoop[]
  readonly #poll: Ticker
  #unanswer: (() => void) | undefined
  #allMovedAtMs = -Infinity

  constructor(options: EventReadersOptions) {
    const { readers, contextFor, log } = options
    this.#options = options
    this.#loops = readers.map((reader) => new ReaderLoop({ reader, contextFor, log }))
    this.#poll = new Ticker({
      name: 'look for events',
      everyMs: POLL_MS,
      log,
      work: () => this.#look(),
    })
  }

  /** Resolves once every reader has its place in the log: events from then on reach those that start `now`. */
  async start(): Promise<void> {
    const { db, doorbell, log, readers } = this.#options
    // An event of a month without a partition is kept in another one, so a lock that is not had is no reason not to start.
    await makeEventPartitions(db).catch((err) => log.warn({ err }, 'event partitions not made'))
    for (const reader of readers) await registerReader(db, reader)
    this.#unanswer = doorbell.answer('events', () => this.#poll.nudgeIn(AFTER_RING_MS))
    this.#poll.start()
  }

  async states(): Promise<ReaderState[]> {
    const { rows } = await sql<ReaderState>`
      select name, failures, last_error as "lastError",
        coalesce(greatest(0, extract(epoch from now() - next.occurred_at)), 0)::float8 as "lagSeconds"
      from event_readers reader
      left join lateral (
        select occurred_at from events
        where (epoch, xid, id) > (reader.epoch, reader.xid, reader.id)
        order by epoch, xid, id limit 1
      ) next on true
      where name = any(${this.#names()})
      order by name`.execute(this.#options.db)
    return rows
  }

  /** Seconds by which each reader is behind, for the metrics. */
  async lag(): Promise<Record<string, number>> {
    const states = await this.states()
    return Object.fromEntries(states.map(({ name, lagSeconds }) => [name, lagSeconds]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unanswer?.()
    const { graceMs = GRACE_MS } = this.#options
    const stopping = this.#loops.map((loop) => loop.stop(graceMs))
    await Promise.all([this.#poll[Symbol.asyncDispose](), ...stopping])
  }

  /** All that are behind go on once a second; between, those for which there is something. */
  async #look(): Promise<void> {
    const isTimeForAll = performance.now() >= this.#allMovedAtMs + ALL_EVERY_MS
    const { db } = this.#options
    const behind = await readersBehind(db, this.#names())
    const [last] = behind
    if (!last) return
    const kinds = isTimeForAll ? undefined : await kindsAfter(db, last, MOST_KINDS_OF)
    if (!kinds) this.#allMovedAtMs = performance.now()
    const names = new Set(behind.map(({ name }) => name))
    for (const loop of this.#loops) {
      if (names.has(loop.name) && (!kinds || loop.wants(kinds))) loop.nudge()
    }
  }

  #names(): string[] {
    return this.#loops.map(({ name }) => name)
  }
}
