import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import { openCdp } from '../cdp/gateway.ts'
import { ControlLease, type ControlSnapshot, type Holder } from '../control/lease.ts'
import { type Driver, openDriver, type PageFacts } from '../driver/driver.ts'
import type { TroubleOf } from '../driver/navigate.ts'
import type { HostedBrowser } from '../host/host.ts'
import { earlierDialogs } from '../live/earlier-dialogs.ts'
import { LiveView } from '../live/live-view.ts'
import { problems } from '../problems.ts'
import type { Manifest } from '../evidence/manifest.ts'
import { Recorder } from '../evidence/recorder.ts'
import type { RecordingSink } from '../evidence/sink.ts'
import type { Refusal } from '../host/egress-notes.ts'
import type { SessionFeed } from '../watch/feed.ts'
import { keptInput } from './kept-input.ts'
import { PageWatcher } from '../watch/watcher.ts'
import type { Attendant } from './attendant.ts'
import { type Control, control } from './control.ts'
import { drives, isWork } from './driving.ts'
import type {
  CallName,
  CallOptions,
  CdpGrant,
  CommandName,
  DownloadedFile,
  LiveGrant,
  OpenSocket,
  RawUpgrade,
  RecordingWish,
  SessionFacts,
  SessionSpec,
  SocketGrant,
} from './session-node.ts'
import { SessionSockets } from './session-sockets.ts'

export interface NodeSessionParts {
  spec: SessionSpec
  browser: HostedBrowser
  attendant: Attendant
  clock: Clock
  log: Logger
  /** What the browser's way out knows of a host that was not reached. */
  troubleOf: TroubleOf
  /** A client of CDP has closed the browser, as far as it can tell. */
  onClose(): void
  /** Who has control has changed: a restarted node goes on with this. */
  onControl(control: ControlSnapshot): void
  /** Something that is to be written down for good. */
  onFact(name: string, facts: Record<string, unknown>): void
}

const REFUSALS_A_MINUTE = 10

/** One live session on its node: its browser, and everything that is attached to that. Disposing it leaves the browser running. */
export class NodeSession implements AsyncDisposable {
  spec: SessionSpec
  readonly browser: HostedBrowser
  readonly feed: SessionFeed
  readonly control: ControlLease
  /** Why its browser was lost, once it was: commands on their way are told. */
  lostBecause: string | undefined
  readonly #parts: NodeSessionParts
  readonly #log: Logger
  readonly #sockets: SessionSockets
  #driver: Driver | undefined
  #live: LiveView | undefined
  #watcher: PageWatcher | undefined
  #recorder: Recorder | undefined
  #commands = 0
  #refusals = { minute: 0, count: 0 }
  #working = 0
  #lastActivityMs: number
  #disposed = false

  constructor(parts: NodeSessionParts) {
    const { spec, browser, attendant, clock, log } = parts
    this.spec = spec
    this.browser = browser
    this.#parts = parts
    this.#log = log.child({ session: spec.id })
    this.#lastActivityMs = clock.now().getTime()
    this.#sockets = new SessionSockets(spec.generation)
    this.feed = attendant.feed
    this.control = new ControlLease({
      ...{ clock, log: this.#log },
      onChange: (change) => {
        const { name, ...facts } = change
        this.feed.publish('control', { ...change })
        parts.onFact(name, facts)
        parts.onControl(this.control.snapshot())
      },
    })
    if (spec.control) this.control.restore(spec.control)
  }

  get facts(): SessionFacts {
    const { id } = this.spec
    return { id, lastActivityMs: this.#lastActivityMs, ...this.#parts.attendant.page }
  }

  /** Why its time is over, if it is. A session at work is not idle. */
  dueAt(nowMs: number): 'timeout' | 'idle' | undefined {
    if (nowMs >= this.spec.expiresAtMs) return 'timeout'
    const isIdle = nowMs >= this.#lastActivityMs + this.spec.idleSeconds * 1000
    return isIdle && this.#working === 0 ? 'idle' : undefined
  }

  /** Counts as activity for the idle clock. */
  readonly touch = (): void => {
    this.#lastActivityMs = this.#parts.clock.now().getTime()
  }

  /** @throws problem `session.controlled`, or whatever the call itself throws */
  async call(name: CallName, input: unknown, options: CallOptions): Promise<unknown> {
    const { holder } = options
    if (drives(name, input)) this.#demandControl(holder)
    if (!isWork(name, input)) return this.#answerCall(name, input, options)
    this.#working++
    this.touch()
    try {
      return await this.#answerCall(name, input, options)
    } finally {
      this.#working--
      this.touch()
    }
  }

  /** @throws problem `download.not_found` or `download.not_ready` */
  async openDownload(id: string): Promise<DownloadedFile> {
    const { file, name, bytes } = await (await this.#parts.attendant.guarded()).openDownload(id)
    return { name, bytes, content: file.createReadStream() }
  }

  async connect(upgrade: RawUpgrade, grant: SocketGrant): Promise<OpenSocket> {
    const socket = await this.#sockets.add(grant, () => this.#answer(upgrade, grant))
    if (grant.kind === 'cdp') {
      void socket.closed.finally(() => void this.#parts.attendant.claimDownloads())
    }
    return socket
  }

  /** Attached while somebody wants to see what its pages do. */
  get watcher(): PageWatcher {
    const { endpoint } = this.browser
    const { clock } = this.#parts
    this.#watcher ??= new PageWatcher({ endpoint, clock, feed: this.feed, log: this.#log })
    return this.#watcher
  }

  /**
   * Records from now on, until the session ends, or goes on with what an earlier process left unfinished. A failure costs the
   * recording, not the session. Returns whether it records.
   */
  async record(sink: RecordingSink, wish: RecordingWish, unfinished?: Manifest): Promise<boolean> {
    const { endpoint } = this.browser
    const about = { endpoint, sink, feed: this.feed, watcher: this.watcher, log: this.#log }
    try {
      this.#recorder = await Recorder.open({
        ...{
          ...about,
          sessionId: this.spec.id,
          options: { frames: true, network: true, ...wish },
          clock: this.#parts.clock,
          ...(unfinished && { unfinished }),
        },
      })
    } catch (error) {
      this.#log.warn({ err: error }, 'the session is not recorded')
      return false
    }
    // It has ended meanwhile, and nobody else ends the recording.
    if (this.#disposed) await this.#recorder[Symbol.asyncDispose]()
    return true
  }

  /** The egress gateway has refused a request of its pages. Pages can make any number: the first few of a minute are written down. */
  refused({ host, port, reason }: Pick<Refusal, 'host' | 'port' | 'reason'>): void {
    this.feed.publish('egress', { host, port, reason })
    const minute = Math.floor(this.#parts.clock.now().getTime() / 60_000)
    if (minute !== this.#refusals.minute) this.#refusals = { minute, count: 0 }
    if (this.#refusals.count++ >= REFUSALS_A_MINUTE) return
    this.#parts.onFact('session.request_refused', { host, port, reason })
  }

  /** Cuts the sockets of earlier generations. */
  revoke(generation: number): void {
    this.spec = { ...this.spec, generation }
    this.#sockets.revoke(generation)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    this.#sockets.end()
    this.control[Symbol.dispose]()
    this.#parts.attendant[Symbol.dispose]()
    await Promise.allSettled([
      this.#recorder?.[Symbol.asyncDispose](),
      this.#driver?.[Symbol.asyncDispose](),
      this.#live?.[Symbol.asyncDispose](),
      Promise.resolve(this.#watcher?.[Symbol.dispose]()),
    ])
  }

  #demandControl(holder: Holder): void {
    if (this.control.mayDrive(holder)) return
    const { holder: held } = this.control.state
    throw problems.controlled({ kind: held?.kind, name: held?.name ?? held?.id })
  }

  /** A command that says nothing of its time has what the session's user prefers. */
  #timed(input: unknown): unknown {
    const { defaultTimeoutMs } = this.spec
    const given = (input as { timeoutMs?: number } | undefined)?.timeoutMs
    if (defaultTimeoutMs === undefined || given !== undefined) return input
    return { ...(input as object | undefined), timeoutMs: defaultTimeoutMs }
  }

  async #answerCall(name: CallName, input: unknown, { holder, signal }: CallOptions) {
    if (name === 'control') return control(this.control, input as Control, holder)
    if (name === 'downloads') return (await this.#parts.attendant.guarded()).downloads()
    return this.#command(name, this.#timed(input), signal)
  }

  async #command(name: CommandName, input: unknown, signal?: AbortSignal): Promise<unknown> {
    const driver = this.#drivenBy()
    const command = driver[name] as (input: unknown, signal?: AbortSignal) => Promise<unknown>
    const startedAt = this.#parts.clock.now()
    try {
      await this.#parts.attendant.whenGuarded()
      const result = await command.call(driver, input, signal)
      this.#note(name, keptInput(name, input, result), startedAt)
      return answersWithPage(name)
        ? { ...(result as object), ...(await pageOf(driver, signal)) }
        : result
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.#note(name, keptInput(name, input, undefined), startedAt, message)
      if (this.lostBecause === undefined) throw error
      throw problems.crashed({ reason: this.lostBecause, cause: error })
    }
  }

  /** Tells watchers and the recording what was done. */
  #note(type: CommandName, params: unknown, startedAt: Date, error?: string): void {
    const endedAt = this.#parts.clock.now()
    const status = error === undefined ? 'success' : 'error'
    const outcome = { status, ...(error !== undefined && { error }) } as const
    const durationMs = endedAt.getTime() - startedAt.getTime()
    this.feed.publish('command', { type, ...outcome, durationMs })
    const id = String(++this.#commands)
    this.#recorder?.command({ id, type, params, startedAt, endedAt, ...outcome })
  }

  #drivenBy(): Driver {
    const { endpoint, files } = this.browser
    const { troubleOf } = this.#parts
    this.#driver ??= openDriver({ endpoint, files, troubleOf, log: this.#log })
    return this.#driver
  }

  async #answer(upgrade: RawUpgrade, grant: SocketGrant): Promise<OpenSocket> {
    return grant.kind === 'cdp' ? this.#cdp(upgrade, grant) : this.#view(upgrade, grant)
  }

  #cdp(upgrade: RawUpgrade, grant: CdpGrant): Promise<OpenSocket> {
    const { endpoint, files } = this.browser
    return openCdp({
      ...{ ...upgrade, endpoint, files, policy: grant.policy, log: this.#log },
      takeConnection: () => this.#parts.attendant.takeConnection(),
      ready: this.#parts.attendant.whenGuarded(),
      mayDrive: () => this.control.mayDrive(grant.holder),
      onActivity: this.touch,
      onBrowserClose: this.#parts.onClose,
    })
  }

  #view(
    { request, socket, head }: RawUpgrade,
    { holder, mayControl, mayForce }: LiveGrant,
  ): OpenSocket {
    const { endpoint } = this.browser
    this.#live ??= new LiveView({
      ...{ endpoint, clock: this.#parts.clock, log: this.#log, control: this.control },
      onActivity: this.touch,
      earlier: earlierDialogs(() => this.#driver),
    })
    return this.#live.open(request, socket, head, { holder, mayControl, mayForce })
  }
}

function answersWithPage(name: CommandName): boolean {
  return name === 'click' || name === 'type'
}

async function pageOf(driver: Driver, signal?: AbortSignal): Promise<PageFacts> {
  const page = await driver.currentPage(signal)
  return { url: page?.url ?? '', title: page?.title ?? '' }
}
