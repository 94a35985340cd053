import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import { Ticker } from '#kernel/ticker.ts'
import { within } from '#kernel/within.ts'
import type {
  BrowserHost,
  HostedBrowser,
  LostReason,
  RunningBrowser,
  Survivor,
  WipeReport,
} from '../host/host.ts'
import { HostFull } from '../host/host.ts'
import { END_REASONS, type EndReason } from '../states.ts'
import type { FeedEvent, FeedKind } from '../watch/feed.ts'
import { Attendant } from './attendant.ts'
import { explainGone } from './inherited.ts'
import type { Journal } from './journal.ts'
import type { KeptRecordings } from './kept-recordings.ts'
import { NodeSession } from './node-session.ts'
import { type Reservation, ReservationFailed } from './reservation.ts'
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
/** For the last words of a session, its recording's above all, whose store may hang. They go on beyond it. */
const CLOSE_MS = 10_000

/** The sessions of this machine. It needs nobody else to keep them: not the API, not the database. */
export class NodeSessions implements SessionNode, AsyncDisposable {
  readonly host: BrowserHost
  readonly instanceId: string
  readonly #clock: Clock
  readonly #log: Logger
  readonly #recordings: KeptRecordings
  readonly #live = new Map<string, NodeSession>()
  /** By the endpoint of their browsers; of those too that no session has. */
  readonly #attendants = new Map<string, Attendant>()
  /** Live no more, but what became of them is not written down yet. */
  readonly #ending = new Map<string, Promise<WipeReport>>()
  readonly #starting = new Set<string>()
  /** Their rows are not written yet: nobody is told of them, so that nobody misses the rows. */
  readonly #reserved = new Set<string>()
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
    const work = async () => this.#look()
    this.#looking = new Ticker({ name: 'look after sessions', everyMs: LOOK_EVERY_MS, log, work })
    host.onRunning((running) => this.#attend(running))
    host.onRefused((id, refusal) => this.#live.get(id)?.refused(refusal))
    host.onLost((id, reason, detail) => void this.#lost(id, reason, detail))
  }

  get free(): number {
    return this.#closed || this.#draining ? 0 : this.host.facts().free
  }

  get facts(): NodeFacts {
    const { max, ready } = this.host.facts()
    const draining = this.#draining || this.#closed
    const ids = [...this.#starting, ...this.#ending.keys()].filter((id) => !this.#live.has(id))
    const others = ids.map((id) => ({ id, lastActivityMs: 0 }))
    const live = [...this.#live.values()].filter(({ spec }) => !this.#reserved.has(spec.id))
    const sessions = [...live.map(({ facts }) => facts), ...others]
    const taken = draining ? sessions.length : Math.max(sessions.length, max - this.free)
    return { free: this.free, max, taken: Math.min(max, taken), ready, draining, sessions }
  }

  get counts() {
    return { active: this.#live.size, starting: this.#starting.size }
  }

  /** Takes over what an earlier process left, reaps the rest, and looks after the sessions from now on. Returns how many of each. */
  async start(journal: Journal): Promise<{ adopted: number; reaped: number }> {
    this.#journal = journal
    for (const { report, taken } of journal.takeInherited()) {
      this.#tellOfEnd(report.sessionId, report.wipe, taken)
    }
    const survivors = await this.host.survivors()
    for (const survivor of survivors) await this.#adopt(survivor)
    const adopted = this.#live.size
    const gone = await this.host.remains()
    const reaped = await this.host.reap(new Set(this.#live.keys()))
    const lived = new Set(survivors.map(({ sessionId }) => sessionId))
    for (const one of gone) await this.#mourn(one, lived.has(one.sessionId))
    this.#looking.start()
    this.#recordings.start()
    journal.start()
    return { adopted, reaped }
  }

  async open(spec: SessionSpec, signal?: AbortSignal): Promise<OpenedSession> {
    if (this.#closed) throw new NodeFull('the node is stopping', 1)
    if (this.#draining) throw new NodeFull('the node takes no new sessions', 60)
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

  async #take(id: string): Promise<void> {
    this.#reserved.delete(id)
    const session = this.#live.get(id)
    if (!session) throw new Error('the browser has ended')
    await this.#record(session)
  }

  /** What cannot be ended now has no row, and is found by that. */
  async #drop(id: string, claimed: Promise<unknown>): Promise<void> {
    await claimed.catch(() => {})
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

  async end(sessionId: string): Promise<WipeReport> {
    const ending = this.#ending.get(sessionId)
    if (ending) return ending
    const wiping = this.#end(sessionId)
    this.#ending.set(sessionId, wiping)
    try {
      return await wiping
    } finally {
      this.#ending.delete(sessionId)
    }
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
    return waits || this.#live.has(id) || this.#ending.has(id)
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
    if (this.#live.has(id)) await this.#finish(id, 'lost')
    else await this.end(id)
  }

  /** Ends all that lives or starts, and takes nothing new. */
  async endAll(): Promise<void> {
    this.#closed = true
    await this.#looking[Symbol.asyncDispose]()
    const starting = [...this.#starting, ...this.#reserved].map((id) => this.host.end(id))
    for (const id of this.#live.keys()) void this.#finish(id, 'server_stopped')
    await Promise.allSettled([...starting, ...this.#ending.values()])
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
      onClose: () => void this.#finish(spec.id, 'asked', 'a client closed the browser'),
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

  async #adopt(survivor: Survivor): Promise<void> {
    const spec = survivor.claim as unknown as SessionSpec
    if (!spec.id || this.#ending.has(spec.id)) return
    try {
      const session = this.#keep(spec, await this.host.adopt(survivor))
      void this.#recordOn(session)
    } catch (error) {
      this.#log.warn({ err: error, session: spec.id }, 'a browser that survived is not adopted')
    }
  }

  /** Goes on with a recording that an earlier process left. */
  async #recordOn(session: NodeSession): Promise<void> {
    const { spec } = session
    const unfinished = this.#recordings.claim(spec.id)
    if (!unfinished) return
    const sink = this.#recordings.sinkFor(spec)
    const isOn = await session.record(sink, spec.recording ?? {}, unfinished)
    if (!isOn) this.#recordings.abandon(spec, unfinished)
  }

  /** A session whose browser an earlier process had and this one has not; what that process has told of its end counts first. */
  async #mourn(browser: Survivor, lives: boolean): Promise<void> {
    const { id, accountId } = browser.claim as unknown as SessionSpec
    if (!id || this.#ending.has(id)) return
    const nowMs = this.#nowMs()
    const { reason, message } = explainGone(browser, { nowMs, lives })
    const wipe = await this.host.end(id)
    this.#log.warn({ session: id, reason }, 'a session did not outlive its node process')
    const report = {
      sessionId: id,
      accountId,
      atMs: nowMs,
      kind: 'ended',
      reason,
      message,
    } as const
    this.#tellOfEnd(id, wipe, this.#journal!.append({ ...report, wipe }))
  }

  /** Until its end is written down it is still of this node, so that nobody takes it for lost. */
  #tellOfEnd(id: string, wipe: WipeReport, taken: Promise<void>): void {
    const told = taken.then(() => wipe)
    this.#ending.set(id, told)
    void told.finally(() => this.#ending.delete(id))
  }

  #look(): void {
    const now = this.#nowMs()
    for (const [id, session] of this.#live) {
      const reason = session.dueAt(now)
      if (reason) void this.#finish(id, reason)
      else if (!this.host.get(id)) void this.#finish(id, 'crashed', 'the browser is gone')
    }
  }

  async #lost(id: string, reason: LostReason, detail: string): Promise<void> {
    const { endReason, message } = explainLoss(reason, detail)
    if (this.#live.has(id)) await this.#finish(id, endReason, message)
  }

  /** Ends a session by the node's own decision and sees to it that this is written down. Where that fails its row is found lost. */
  async #finish(id: string, reason: EndReason, message?: string): Promise<void> {
    await this.#wipe(id, reason, message).catch((error: unknown) => {
      this.#log.error({ err: error, session: id, reason }, 'a session could not be ended')
    })
  }

  async #wipe(id: string, reason: EndReason, message?: string): Promise<void> {
    const session = this.#live.get(id)
    if (!session || this.#ending.has(id)) return
    const { accountId } = session.spec
    if (END_REASONS[reason] === 'error') session.lostBecause = message ?? reason
    const wiping = this.#end(id)
    this.#ending.set(id, wiping)
    try {
      const wipe = await wiping
      this.#log.info({ session: id, reason }, 'session ended')
      const about = { sessionId: id, accountId, atMs: this.#nowMs() }
      const report = { ...about, kind: 'ended', reason, wipe, ...(message && { message }) } as const
      await this.#journal?.append(report)
    } finally {
      this.#ending.delete(id)
    }
  }

  async #end(id: string): Promise<WipeReport> {
    const session = this.#live.get(id)
    this.#live.delete(id)
    const closing = session?.[Symbol.asyncDispose]().catch((error: unknown) => {
      this.#log.warn({ err: error, session: id }, 'a session was not closed in order')
    })
    const [report] = await Promise.all([this.host.end(id), within(CLOSE_MS, closing)])
    if (report.processes + report.directories + report.sockets > 0) {
      this.#log.error({ session: id, ...report }, 'an ended session left something behind')
    }
    return report
  }

  #nowMs(): number {
    return this.#clock.now().getTime()
  }
}

function explainLoss(
  reason: LostReason,
  detail: string,
): { endReason: EndReason; message: string } {
  if (reason === 'memory' || reason === 'disk') return { endReason: reason, message: detail }
  return { endReason: 'crashed', message: `the browser was ${reason}: ${detail}` }
}
