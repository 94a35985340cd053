import { sql } from 'kysely'
import type { Clock } from '#kernel/clock.ts'
import type { Context } from '#kernel/context.ts'
import type { Logger } from '#kernel/log.ts'
import { Ticker } from '#kernel/ticker.ts'
import { AWAITED_SECONDS } from './awaited.ts'
import type { BrowserRuntime } from './runtime.ts'
import { closeRow, endSession } from './service.ts'

export interface UnawaitedOptions {
  runtime: BrowserRuntime
  clock: Clock
  log: Logger
  contextFor(accountId?: string): Context
  /** For how long calls may say that they still wait, before the first session is ended and after each pause. */
  graceMs?: number
}

const LOOK_EVERY_MS = 1_000
/** After a longer pause between two looks it starts anew: this process, or the database, was away. */
const STEADY_MS = 5_000
const GRACE_MS = AWAITED_SECONDS * 1000
const AT_ONCE = 100

/** The session was made by a call that waited for it, and nobody has heard of that call for too long. */
const UNAWAITED = {
  reason: 'disconnected',
  errorMessage: 'the server process that took the call ended while the session was waited for',
} as const

interface Unawaited {
  id: string
  accountId: string
}

/**
 * Ends the sessions whose waiting call is gone together with its process: the answer has nobody to go to. After the database was away
 * every call is given the time to say that it still waits.
 */
export class UnawaitedSessions implements AsyncDisposable {
  readonly #options: UnawaitedOptions
  readonly #looking: Ticker
  readonly #wiping = new Set<Promise<unknown>>()
  #lookedMs = -Infinity
  #steadySinceMs = 0

  constructor(options: UnawaitedOptions) {
    this.#options = options
    const { log } = options
    const work = () => this.#look()
    this.#looking = new Ticker({
      ...{ name: 'end what nobody waits for', everyMs: LOOK_EVERY_MS, log, work },
    })
  }

  start(): void {
    this.#looking.start()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looking[Symbol.asyncDispose]()
    await Promise.allSettled(this.#wiping)
  }

  async #look(): Promise<void> {
    const found = await this.#find()
    const nowMs = this.#options.clock.monotonicMs()
    if (nowMs - this.#lookedMs > STEADY_MS) this.#steadySinceMs = nowMs
    this.#lookedMs = nowMs
    if (nowMs - this.#steadySinceMs < (this.#options.graceMs ?? GRACE_MS)) return
    for (const one of found) await this.#end(one)
  }

  async #find(): Promise<Unawaited[]> {
    const { rows } = await sql<Unawaited>`
      select id, account_id from browser_sessions
      where ended_at is null and awaited_until < now()
      order by awaited_until limit ${AT_ONCE}`.execute(this.#options.contextFor().db)
    return rows
  }

  /** Unless its call has been heard of meanwhile. What it has on a machine is ended after the row. */
  async #end({ id, accountId }: Unawaited): Promise<void> {
    const { contextFor, runtime, log } = this.#options
    const ctx = contextFor(accountId)
    const closed = await ctx.transaction(async (ctx) => {
      const { rows } = await sql`
        select 1 from browser_sessions
        where id = ${id} and ended_at is null and awaited_until < now() for update`.execute(ctx.db)
      return rows.length > 0 ? closeRow(ctx, id, UNAWAITED) : undefined
    })
    if (!closed) return
    log.info({ session: id }, 'a session that nobody waits for any more has ended')
    const wiping: Promise<unknown> = endSession(ctx, runtime, id, 'disconnected')
      .catch((error: unknown) => log.warn({ err: error, session: id }, 'it was not wiped'))
      .finally(() => this.#wiping.delete(wiping))
    this.#wiping.add(wiping)
  }
}
