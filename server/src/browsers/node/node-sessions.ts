import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import { Ticker } from '#kernel/ticker.ts'
import { within } from '#kernel/within.ts'
import type { BrowserHost, HostedBrowser, LostReason, Survivor, WipeReport } from '../host/host.ts'
import { HostFull } from '../host/host.ts'
import type { RecordingSink } from '../evidence/sink.ts'
import { END_REASONS, type EndReason } from '../states.ts'
import type { FeedEvent } from '../watch/feed.ts'
import type { Journal } from './journal.ts'
import { NodeSession } from './node-session.ts'
import {
  type CallName,
  type CallOptions,
  type DownloadedFile,
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
  /** Where the recording of a session goes. */
  sinkOf(spec: SessionSpec): RecordingSink
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
  readonly #sinkOf: NodeSessionsOptions['sinkOf']
  readonly #live = new Map<string, NodeSession>()
  /** Live no more, but what became of them is not written down yet. */
  readonly #ending = new Map<string, Promise<WipeReport>>()
  readonly #starting = new Set<string>()
  readonly #looking: Ticker
  #journal: Journal | undefined
  #closed = false
  #draining = false
  /** Browsers to keep ready again once it does not drain any more. */
  #spare = 0

  constructor({ host, instanceId, clock, log, sinkOf }: NodeSessionsOptions) {
    this.#sinkOf = sinkOf
    this.host = host
    this.instanceId = instanceId
    this.#clock = clock
    this.#log = log
    const work = async () => this.#look()
    this.#looking = new Ticker({ name: 'look after sessions', everyMs: LOOK_EVERY_MS, log, work })
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
    const sessions = [...[...this.#live.values()].map(({ facts }) => facts), ...others]
    const taken = draining ? sessions.length : Math.max(sessions.length, max - this.free)
    return { free: this.free, max, taken: Math.min(max, taken), ready, draining, sessions }
  }

  get counts() {
    return { active: this.#live.size, starting: this.#starting.size }
  }

  /** Takes over what an earlier process left, reaps the rest, and looks after the sessions from now on. Returns how many of each. */
  async start(journal: Journal): Promise<{ adopted: number; reaped: number }> {
    this.#journal = journal
    for (const survivor of await this.host.survivors()) await this.#adopt(survivor)
    const adopted = this.#live.size
    const reaped = await this.host.reap(new Set(this.#live.keys()))
    this.#looking.start()
    journal.start()
    return { adopted, reaped }
  }

  async open(spec: SessionSpec, signal?: AbortSignal): Promise<OpenedSession> {
    if (this.#closed) throw new NodeFull('the node is stopping', 1)
    if (this.#draining) throw new NodeFull('the node takes no new sessions', 60)
    this.#starting.add(spec.id)
    try {
      const { identity, egress = {} } = spec
      const claim = { ...spec }
      const browser = await this.host.launch(spec.id, identity, { signal, egress, claim })
      if (this.#closed) {
        await this.host.end(spec.id)
        throw new NodeFull('the node is stopping', 1)
      }
      const session = this.#keep(spec, browser)
      // The client may go on meanwhile: what it does first is recorded all the same, unless it is quicker than one command.
      if (spec.recording) await session.record(this.#sinkOf(spec), spec.recording)
      return { warm: browser.warm }
    } catch (error) {
      if (error instanceof HostFull) throw new NodeFull(error.message, error.retryAfterSeconds)
      throw error
    } finally {
      this.#starting.delete(spec.id)
    }
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
  ): Promise<Disposable> {
    const session = this.#get(sessionId)
    const stack = new DisposableStack()
    const lease = stack.use(session.watcher.acquire({ network: kinds.has('network') }))
    // A page that is busy keeps nobody from watching the others.
    await within(WATCH_MS, lease.ready)
    stack.use(session.feed.subscribe({ kinds, ...(after !== undefined && { after }) }, listener))
    return stack
  }

  /** Whether the session is here, in whatever state. */
  holds(id: string): boolean {
    return this.#live.has(id) || this.#starting.has(id) || this.#ending.has(id)
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
    const starting = [...this.#starting].map((id) => this.host.end(id))
    for (const id of this.#live.keys()) void this.#finish(id, 'server_stopped')
    await Promise.allSettled([...starting, ...this.#ending.values()])
  }

  /** Lets go of the browsers without ending them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await this.#looking[Symbol.asyncDispose]()
    await Promise.allSettled([...this.#live.values()].map((one) => one[Symbol.asyncDispose]()))
    this.#live.clear()
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
    const session = new NodeSession({
      ...{ spec, browser, onFact, clock: this.#clock, log: this.#log },
      troubleOf: (host, port) => this.host.troubleWith(spec.id, host, port),
      onControl: (control) => this.#keepClaim(spec.id, { control }),
      onClose: () => void this.#finish(spec.id, 'asked', 'a client closed the browser'),
    })
    this.#live.set(spec.id, session)
    session.watchOver()
    return session
  }

  async #adopt(survivor: Survivor): Promise<void> {
    const spec = survivor.claim as unknown as SessionSpec
    if (!spec.id) return
    try {
      this.#keep(spec, await this.host.adopt(survivor))
    } catch (error) {
      this.#log.warn({ err: error, session: spec.id }, 'a browser that survived is not adopted')
    }
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
