import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import { Ticker } from '#kernel/ticker.ts'
import { within } from '#kernel/within.ts'
import {
  type BrowserHost,
  type HostedBrowser,
  HostFull,
  type RunningBrowser,
  type WipeReport,
} from '../host/host.ts'
import type { FeedEvent, FeedKind } from '../watch/feed.ts'
import { Attendant } from './attendant.ts'
import { takeOver } from './inherited.ts'
import type { Journal } from './journal.ts'
import type { KeptRecordings } from './kept-recordings.ts'
import { NodeSession } from './node-session.ts'
import { type Begun, type Reservation, ReservationFailed } from './reservation.ts'
import { SessionEnds } from './session-ends.ts'
import {
  type CallName,
  type CallOptions,
  type DownloadedFile,
  type Following,
  type FollowOptions,
  type NodeFacts,
  NodeFull,
  NotOnNode,
  type OpenedSession,
  type OpenSocket,
  type RawUpgrade,
  type SessionNode,
  type SessionSpec,
  type SocketGrant,
  type SpecChange,
} from './session-node.ts'

export interface NodeSessionsOptions {
  host: BrowserHost
  instanceId: string
  clock: Clock
  log: Logger
  recordings: KeptRecordings
}

const LOOK_EVERY_MS = 1_000
const WATCH_MS = 5_000

/** The sessions of this machine. It needs nobody else to keep them: not the API, not the database. */
export class NodeSessions implements SessionNode, AsyncDisposable {
  readonly host: BrowserHost
  readonly instanceId: string
  readonly #clock: Clock
  readonly #log: Logger
  readonly #recordings: KeptRecordings
  readonly #live = new Map<string, NodeSession>()
  readonly #ends: SessionEnds
  /** By the endpoint of their browsers; of those too that no session has. */
  readonly #attendants = new Map<string, Attendant>()
  readonly #starting = new Set<string>()
  /** Their rows are not written yet: nobody is told of them, so that nobody misses the rows. */
  readonly #reserved = new Set<string>()
  /** As those, and their browsers are only being launched. */
  readonly #begun = new Set<string>()
  readonly #looking: Ticker
  #journal: Journal | undefined
  #closed = false
  #draining = false
  /** Browsers to keep ready again once it does not drain any more. */
  #spare = 0

  constructor({ host, instanceId, clock, log, recordings }: NodeSessionsOptions) {
    this.#recordings = recordings
    this.host = host
    this.instanceId = instanceId
    this.#clock = clock
    this.#log = log
    const journal = () => this.#journal
    this.#ends = new SessionEnds({ host, live: this.#live, clock, log, journal })
    const work = async () => this.#look()
    this.#looking = new Ticker({ name: 'look after sessions', everyMs: LOOK_EVERY_MS, log, work })
    host.onRunning((running) => this.#attend(running))
    host.onRefused((id, refusal) => this.#live.get(id)?.refused(refusal))
    host.onLost((id, reason, detail) => void this.#ends.lose(id, reason, detail))
  }

  get free(): number {
    return this.#closed || this.#draining ? 0 : this.host.facts().free
  }

  get facts(): NodeFacts {
    const { max, ready } = this.host.facts()
    const draining = this.#draining || this.#closed
    const ids = [...this.#starting, ...this.#ends.ids].filter((id) => !this.#live.has(id))
    const others = ids.map((id) => ({ id, lastActivityMs: 0 }))
    const live = [...this.#live.values()].filter(({ spec }) => !this.#reserved.has(spec.id))
    const sessions = [...live.map(({ facts }) => facts), ...others]
    const taken = draining ? sessions.length : Math.max(sessions.length, max - this.free)
    const counts = { free: this.free, max, taken: Math.min(max, taken), ready }
    return { ...counts, draining, diskFull: this.host.isDiskFull, sessions }
  }

  get counts() {
    return { active: this.#live.size, starting: this.#starting.size }
  }

  /** Takes over what an earlier process left, reaps the rest, and looks after the sessions from now on. Returns how many of each. */
  async start(journal: Journal): Promise<{ adopted: number; reaped: number }> {
    this.#journal = journal
    const { host } = this
    const facts = await takeOver({
      ...{ host, journal, live: this.#live, ends: this.#ends, recordings: this.#recordings },
      ...{ clock: this.#clock, log: this.#log, keep: (spec, browser) => this.#keep(spec, browser) },
    })
    this.#looking.start()
    this.#recordings.start()
    journal.start()
    return facts
  }

  async open(spec: SessionSpec, signal?: AbortSignal): Promise<OpenedSession> {
    if (this.#closed) throw new NodeFull('the node is stopping', 1)
    const isBegun = this.#begun.delete(spec.id)
    if (this.#draining && !isBegun) throw new NodeFull('the node takes no new sessions', 60)
    // Whoever asks again has not heard what came of the first time, and the next beat has that ended.
    if (this.#holds(spec.id)) throw new NodeFull('the session is still ending here', 5)
    this.#starting.add(spec.id)
    try {
      const session = await this.#launch(spec, signal)
      await this.#record(session)
      return { warm: session.browser.warm }
    } catch (error) {
      if (error instanceof HostFull) throw new NodeFull(error.message, error.retryAfterSeconds)
      throw error
    } finally {
      this.#starting.delete(spec.id)
    }
  }

  /** Claims a browser that is ready for a session whose row is about to be written; undefined when there is none. */
  reserve(spec: SessionSpec, signal?: AbortSignal): Reservation | undefined {
    const { id } = spec
    if (this.#closed || this.#draining || !this.host.isReady(spec.identity)) return undefined
    this.#reserved.add(id)
    const launching = this.#launch(spec, signal)
    const claimed = launching.then(
      () => {},
      (error: unknown) => Promise.reject(new ReservationFailed(error)),
    )
    claimed.catch(() => {})
    return { claimed, take: () => this.#take(id), drop: () => this.#drop(id, claimed) }
  }

  /** Sets about a browser for a session whose row is about to be written; undefined when that has to wait for `open`, which tells why. */
  begin(spec: SessionSpec): Begun | undefined {
    const { id, identity, egress = {} } = spec
    if (this.#closed || this.#draining) return undefined
    try {
      this.host.begin(id, identity, { egress, claim: { ...spec } })
    } catch {
      return undefined
    }
    this.#begun.add(id)
    return { drop: () => this.#drop(id) }
  }

  async #take(id: string): Promise<void> {
    this.#reserved.delete(id)
    const session = this.#live.get(id)
    if (!session) throw new Error('the browser has ended')
    await this.#record(session)
  }

  /** What cannot be ended now has no row, and is found by that. */
  async #drop(id: string, claimed?: Promise<unknown>): Promise<void> {
    this.#begun.delete(id)
    await claimed?.catch(() => {})
    await this.end(id).catch((error: unknown) => {
      this.#log.error({ err: error, session: id }, 'a browser that nobody took could not be ended')
    })
    this.#reserved.delete(id)
  }

  async #launch(spec: SessionSpec, signal?: AbortSignal): Promise<NodeSession> {
    const { id, identity, egress = {} } = spec
    const browser = await this.host.launch(id, identity, { signal, egress, claim: { ...spec } })
    if (!this.#closed) return this.#keep(spec, browser)
    await this.host.end(id)
    throw new NodeFull('the node is stopping', 1)
  }

  /** The client may go on meanwhile: what it does first is recorded all the same, unless it is quicker than one command. */
  async #record(session: NodeSession): Promise<void> {
    const { spec } = session
    if (spec.recording) await session.record(this.#recordings.sinkFor(spec), spec.recording)
  }

  end(sessionId: string): Promise<WipeReport> {
    return this.#ends.end(sessionId)
  }

  async change(sessionId: string, change: SpecChange): Promise<void> {
    const session = this.#get(sessionId)
    session.spec = { ...session.spec, ...change }
    if (change.generation !== undefined) session.revoke(change.generation)
    if (change.egress) await this.host.admit(sessionId, change.egress)
    await this.host.keepClaim(sessionId, { ...session.spec })
  }

  /** Cuts what was opened by URLs of an earlier generation, where this is the first that the node hears of it. */
  async revoke(sessionId: string, generation: number): Promise<void> {
    const known = this.#live.get(sessionId)?.spec.generation
    if (known !== undefined && known < generation) await this.change(sessionId, { generation })
  }

  /** On disk soon, or at the next change if that fails. */
  #keepClaim(sessionId: string, change: Pick<SessionSpec, 'control'>): void {
    const session = this.#live.get(sessionId)
    if (!session) return
    session.spec = { ...session.spec, ...change }
    this.host.keepClaim(sessionId, { ...session.spec }).catch((error: unknown) => {
      this.#log.warn({ err: error, session: sessionId }, 'who has control could not be kept')
    })
  }

  async call(
    sessionId: string,
    name: CallName,
    input: unknown,
    options: CallOptions,
  ): Promise<unknown> {
    return this.#get(sessionId).call(name, input, options)
  }

  async openDownload(sessionId: string, downloadId: string): Promise<DownloadedFile> {
    return this.#get(sessionId).openDownload(downloadId)
  }

  async connect(sessionId: string, upgrade: RawUpgrade, grant: SocketGrant): Promise<OpenSocket> {
    return this.#get(sessionId).connect(upgrade, grant)
  }

  async follow(
    sessionId: string,
    { after, kinds }: FollowOptions,
    listener: (event: FeedEvent) => void,
  ): Promise<Following> {
    const session = this.#get(sessionId)
    using stack = new DisposableStack()
    const lease = stack.use(session.watcher.acquire({ network: kinds.has('network') }))
    // A page that is busy keeps nobody from watching the others.
    await within(WATCH_MS, lease.ready)
    const from = after ?? session.feed.lastId
    stack.use(session.feed.subscribe({ kinds, after: from }, listener))
    const following = stack.move()
    return { from, [Symbol.dispose]: () => following[Symbol.dispose]() }
  }

  /** Goes on listening to the pages of a session, if it is here. */
  watch(sessionId: string, kinds: ReadonlySet<FeedKind>): Disposable | undefined {
    return this.#live.get(sessionId)?.watcher.acquire({ network: kinds.has('network') })
  }

  /** Whether the session is here, in whatever state. */
  #holds(id: string): boolean {
    const waits = this.#starting.has(id) || this.#reserved.has(id)
    return waits || this.#live.has(id) || this.#ends.has(id)
  }

  get(id: string): NodeSession | undefined {
    return this.#live.get(id)
  }

  /** While it drains it takes no new session and keeps no browser ready; the sessions that live go on. */
  drain(on = true): void {
    if (this.#draining === on) return
    this.#draining = on
    const { pool } = this.host.facts()
    if (on) this.#spare = pool.spare
    this.host.setPool({ ...pool, spare: on ? 0 : this.#spare })
  }

  /** Ends what nobody has a row for any more, and tells what is left of it. */
  async release(id: string): Promise<void> {
    if (this.#live.has(id)) await this.#ends.finish(id, 'lost')
    else await this.end(id)
  }

  /** Ends all that lives or starts, and takes nothing new. */
  async endAll(): Promise<void> {
    this.#closed = true
    await this.#looking[Symbol.asyncDispose]()
    const unsettled = [...this.#starting, ...this.#reserved, ...this.#begun]
    const starting = unsettled.map((id) => this.host.end(id))
    for (const id of this.#live.keys()) void this.#ends.finish(id, 'server_stopped')
    await Promise.allSettled([...starting, this.#ends.settled()])
  }

  /** Lets go of the browsers without ending them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await this.#looking[Symbol.asyncDispose]()
    await Promise.allSettled([...this.#live.values()].map((one) => one[Symbol.asyncDispose]()))
    this.#live.clear()
    await this.#recordings[Symbol.asyncDispose]()
    await this.#journal?.[Symbol.asyncDispose]()
  }

  #get(id: string): NodeSession {
    const session = this.#live.get(id)
    if (!session) throw new NotOnNode(id)
    return session
  }

  #keep(spec: SessionSpec, browser: HostedBrowser): NodeSession {
    const onFact = (name: string, facts: Record<string, unknown>) => {
      const about = { sessionId: spec.id, accountId: spec.accountId, atMs: this.#nowMs() }
      void this.#journal?.append({ ...about, kind: 'fact', name, facts })
    }
    const attendant = this.#attendants.get(browser.endpoint) ?? this.#attendantOf(browser)
    const session = new NodeSession({
      ...{ spec, browser, attendant, onFact, clock: this.#clock, log: this.#log },
      troubleOf: (host, port) => this.host.troubleWith(spec.id, host, port),
      onControl: (control) => this.#keepClaim(spec.id, { control }),
      onClose: () => void this.#ends.finish(spec.id, 'asked', 'a client closed the browser'),
    })
    this.#live.set(spec.id, session)
    // A browser that took long to start may not have let it.
    attendant.watchOver()
    return session
  }

  #attend({ slotId, endpoint, files }: RunningBrowser): Disposable {
    const attendant = this.#attendantOf({ endpoint, files }, slotId)
    this.#attendants.set(endpoint, attendant)
    return {
      [Symbol.dispose]: () => {
        this.#attendants.delete(endpoint)
        attendant[Symbol.dispose]()
      },
    }
  }

  #attendantOf({ endpoint, files }: Pick<RunningBrowser, 'endpoint' | 'files'>, slot?: string) {
    const log = slot === undefined ? this.#log : this.#log.child({ slot })
    return new Attendant({ endpoint, files, log, clock: this.#clock })
  }

  #look(): void {
    const now = this.#nowMs()
    for (const [id, session] of this.#live) {
      const reason = session.dueAt(now)
      if (reason) void this.#ends.finish(id, reason)
      else if (!this.host.get(id)) void this.#ends.finish(id, 'crashed', 'the browser is gone')
    }
  }

  #nowMs(): number {
    return this.#clock.now().getTime()
  }
}
