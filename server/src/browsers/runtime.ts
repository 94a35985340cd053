import type { Logger } from '#kernel/log.ts'
import { type Driver, openDriver, type PageFacts } from './driver/driver.ts'
import type { BrowserHost } from './host/host.ts'
import type { CommandRecorder } from './recorder.ts'
import type { WipeCount } from './tables.ts'

/** What this process holds of one open session. */
export interface LiveSession {
  readonly id: string
  readonly accountId: string
  readonly expiresAtMs: number
  readonly idleMs: number
  lastActivityMs: number
  /** Commands that run now: a session at work is not idle. */
  working: number
  driver?: Driver
  /** The page as the database has it, and when it was last looked at. */
  page?: PageFacts
  lookedAtMs?: number
}

export interface RuntimeParts {
  host: BrowserHost
  recorder: CommandRecorder
  log: Logger
  /** The machine's id, `ins_…`. */
  instanceId: string
  maxSessions: number
  /** What an operator should know of how the browsers run here; shown in health. */
  notice?: string
}

/** The browsers of this process: who is live, who drives them, when their time is over. */
export class BrowserRuntime implements AsyncDisposable {
  readonly host: BrowserHost
  readonly recorder: CommandRecorder
  readonly instanceId: string
  readonly notice: string | undefined
  readonly #log: Logger
  readonly #maxSessions: number
  readonly #live = new Map<string, LiveSession>()
  readonly #starting = new Map<string, PromiseWithResolvers<void>>()
  /** Live no more, but their browsers still hold their places. */
  readonly #ending = new Set<string>()
  readonly #opening = new Map<string, Promise<string>>()
  #closed = false

  constructor({ host, recorder, log, instanceId, maxSessions, notice }: RuntimeParts) {
    this.notice = notice
    this.host = host
    this.recorder = recorder
    this.instanceId = instanceId
    this.#log = log
    this.#maxSessions = maxSessions
  }

  get liveSessions(): readonly LiveSession[] {
    return [...this.#live.values()]
  }

  get startingSessions(): readonly string[] {
    return [...this.#starting.keys()]
  }

  get capacity(): number {
    return this.#maxSessions
  }

  /** Whether this process looks after the session. */
  holds(id: string): boolean {
    return this.#live.has(id) || this.#starting.has(id)
  }

  /** Takes a place for a session that is about to start; false when the machine is full, or closing. */
  reserve(id: string): boolean {
    const taken = this.#live.size + this.#starting.size + this.#ending.size
    if (this.#closed || taken >= this.#maxSessions) return false
    this.#starting.set(id, Promise.withResolvers())
    return true
  }

  /** The session has started or failed to: it is live now, or its place is free again. */
  release(id: string): void {
    this.#starting.get(id)?.resolve()
    this.#starting.delete(id)
  }

  /** Gives no place to anybody from now on. */
  close(): void {
    this.#closed = true
  }

  /** Returns the id once a session that is starting in this process has started, or failed to. */
  async whenStarted(id: string): Promise<string> {
    await this.#starting.get(id)?.promise
    return id
  }

  /** Of many calls for one person at once the first opens and the others get what it opened. */
  openOnce(userId: string, open: () => Promise<string>): Promise<string> {
    const opening = this.#opening.get(userId) ?? open().finally(() => this.#opening.delete(userId))
    this.#opening.set(userId, opening)
    return opening
  }

  add(session: Omit<LiveSession, 'working'>): void {
    this.#live.set(session.id, { ...session, working: 0 })
  }

  get(id: string): LiveSession | undefined {
    return this.#live.get(id)
  }

  /** The driver of a live session, made at its first command. */
  driverOf(session: LiveSession): Driver | undefined {
    const browser = this.host.get(session.id)
    if (!browser) return undefined
    session.driver ??= openDriver({
      endpoint: browser.endpoint,
      log: this.#log.child({ session: session.id }),
    })
    return session.driver
  }

  /** Forgets a session and ends its browser; its place is free once nothing is left of that. */
  async end(id: string): Promise<WipeCount> {
    if (this.#live.has(id)) this.#ending.add(id)
    try {
      await this.#drop(id)
      return await this.host.end(id)
    } finally {
      this.#ending.delete(id)
    }
  }

  /** Forgets a session and lets go of its browser. */
  async #drop(id: string): Promise<void> {
    const session = this.#live.get(id)
    this.#live.delete(id)
    try {
      await session?.driver?.[Symbol.asyncDispose]()
    } catch (error) {
      this.#log.debug({ err: error, session: id }, 'driver did not let go cleanly')
    }
  }

  /** Sessions whose time is over, with the reason. */
  due(now: number): { session: LiveSession; reason: 'timeout' | 'idle' }[] {
    const isOver = (session: LiveSession) => now >= session.expiresAtMs
    const isIdle = (session: LiveSession) =>
      session.working === 0 && now >= session.lastActivityMs + session.idleMs
    return this.liveSessions
      .filter((session) => isOver(session) || isIdle(session))
      .map((session) => ({ session, reason: isOver(session) ? 'timeout' : 'idle' }))
  }

  /** Lets go of every browser without ending it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#live.keys()].map((id) => this.#drop(id)))
    await this.recorder[Symbol.asyncDispose]()
  }
}
