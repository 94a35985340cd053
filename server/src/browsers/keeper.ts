import type { Context } from '#kernel/context.ts'
import type { Logger } from '#kernel/log.ts'
import { Ticker } from '#kernel/ticker.ts'
import type { BrowserRuntime } from './runtime.ts'
import { endSession, live } from './service.ts'
import type { SessionRow } from './tables.ts'

const LOOK_EVERY_MS = 1_000
const SAVE_ACTIVITY_EVERY_MS = 10_000

/** Keeps this machine's sessions and browsers in step: time limits, crashes, a restart, the end of the process. */
export class SessionKeeper implements AsyncDisposable {
  readonly #runtime: BrowserRuntime
  readonly #contextFor: (accountId: string) => Context
  readonly #log: Logger
  readonly #ending = new Map<string, Promise<void>>()
  readonly #looking: Ticker
  #savedAtMs = 0

  constructor(runtime: BrowserRuntime, contextFor: (accountId: string) => Context, log: Logger) {
    this.#runtime = runtime
    this.#contextFor = contextFor
    this.#log = log
    const work = () => this.#look()
    this.#looking = new Ticker({ name: 'look after sessions', everyMs: LOOK_EVERY_MS, log, work })
    runtime.host.onLost((id, why, detail) => void this.#lost(id, why, detail))
  }

  /** Takes over what an earlier process left: adopts the browsers that live, ends the sessions whose browser is gone. */
  async recover(ctx: Context): Promise<void> {
    const [survivors, rows] = await Promise.all([
      this.#runtime.host.survivors(),
      this.#openRows(ctx),
    ])
    const alive = new Map(survivors.map((survivor) => [survivor.sessionId, survivor]))
    const kept = new Set<string>()
    for (const row of rows) {
      const survivor = row.status === 'active' ? alive.get(row.id) : undefined
      if (survivor && (await this.#adopt(row, survivor))) kept.add(row.id)
      else
        await this.#end(
          row.accountId,
          row.id,
          'lost',
          'the server was restarted and the browser was gone',
        )
    }
    const reaped = await this.#runtime.host.reap(kept)
    this.#log.info(
      { adopted: kept.size, ended: rows.length - kept.size, reaped },
      'sessions recovered',
    )
    this.#looking.start()
  }

  /** Ends every session that lives or starts, all at once, and its browser also when the database cannot be told. */
  async endAll(): Promise<void> {
    void this.#looking[Symbol.asyncDispose]()
    const runtime = this.#runtime
    runtime.close()
    await Promise.all([this.#endLive(), ...runtime.startingSessions.map((id) => this.#undo(id))])
    await this.#endLive()
    await Promise.all(runtime.liveSessions.map(({ id }) => runtime.end(id)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looking[Symbol.asyncDispose]()
    await Promise.allSettled(this.#ending.values())
  }

  async #endLive(): Promise<void> {
    await Promise.all(
      this.#runtime.liveSessions.map(({ id, accountId }) =>
        this.#end(accountId, id, 'server_stopped'),
      ),
    )
  }

  /** Ends a launch; who asked for it ends the session, unless its browser had not begun and lives after all. */
  async #undo(id: string): Promise<void> {
    await this.#runtime.host.end(id)
    await this.#runtime.whenStarted(id)
  }

  #openRows(ctx: Context): Promise<SessionRow[]> {
    return ctx.db
      .selectFrom('browserSessions')
      .selectAll()
      .where('instanceId', '=', this.#runtime.instanceId)
      .where('endedAt', 'is', null)
      .limit(10_000)
      .execute()
  }

  async #adopt(
    row: SessionRow,
    survivor: Awaited<ReturnType<BrowserRuntime['host']['survivors']>>[number],
  ): Promise<boolean> {
    try {
      await this.#runtime.host.adopt(survivor)
      this.#runtime.add(live(row))
      return true
    } catch (error) {
      this.#log.warn(
        { err: error, session: row.id },
        'a browser that survived could not be adopted',
      )
      return false
    }
  }

  async #lost(id: string, why: 'crashed' | 'killed', detail: string): Promise<void> {
    const session = this.#runtime.get(id)
    if (session)
      await this.#end(session.accountId, id, 'crashed', `the browser was ${why}: ${detail}`)
  }

  async #look(): Promise<void> {
    const now = this.#contextFor('').clock.now().getTime()
    for (const { session, reason } of this.#runtime.due(now)) {
      void this.#end(session.accountId, session.id, reason)
    }
    for (const { id, accountId } of this.#runtime.liveSessions) {
      if (!this.#runtime.host.get(id))
        void this.#end(accountId, id, 'crashed', 'the browser is gone')
    }
    await this.#endForgotten()
    if (now - this.#savedAtMs < SAVE_ACTIVITY_EVERY_MS) return
    this.#savedAtMs = now
    await this.#saveActivity()
  }

  /** Open rows that nobody looks after: their create or their end broke off, as when the database went away. */
  async #endForgotten(): Promise<void> {
    for (const { id, accountId } of await this.#openRows(this.#contextFor(''))) {
      if (!this.#runtime.holds(id))
        void this.#end(accountId, id, 'lost', 'the server had lost sight of it')
    }
  }

  /** The last activity in the database is at most 10 s behind. */
  async #saveActivity(): Promise<void> {
    const active = this.#runtime.liveSessions
    for (const { id, accountId, lastActivityMs } of active) {
      await this.#contextFor(accountId)
        .db.updateTable('browserSessions')
        .set({ lastActivityAt: new Date(lastActivityMs) })
        .where('id', '=', id)
        .where('lastActivityAt', '<', new Date(lastActivityMs))
        .execute()
    }
  }

  /** Ends one session once; a failure is logged and the next look tries again. */
  #end(accountId: string, id: string, reason: Parameters<typeof endSession>[3], message?: string) {
    const running = this.#ending.get(id)
    if (running) return running
    const ctx = this.#contextFor(accountId)
    const ending = endSession(ctx, this.#runtime, id, reason, message)
      .then(() => this.#log.info({ session: id, reason }, 'session ended'))
      .catch((error: unknown) => {
        this.#log.error({ err: error, session: id }, 'session could not be ended')
      })
      .finally(() => this.#ending.delete(id))
    this.#ending.set(id, ending)
    return ending
  }
}
