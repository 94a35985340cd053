import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { isSameProcess, signalGroup } from '#kernel/processes.ts'
import { Egress, type Traffic, type Trouble } from './egress.ts'
import type { EgressRules } from './egress-rules.ts'
import { HostFull } from './host-full.ts'
import { type Identity, identityKey } from './identity.ts'
import { LaunchFailed, type SpawnedProcess, launchBrowser } from './launch.ts'
import { forgetProof } from './proof-memory.ts'
import { type SlotDirectory, makeSlotDirectory, sessionFiles } from './slot-directory.ts'
import type { LiveRecord, SlotRecord } from './slot-file.ts'
import { type Leader, killProcesses } from './slot-processes.ts'
import type { Claim, HostedBrowser, Surroundings, Tenant } from './surroundings.ts'
import { type Ending, watchChild, watchStranger } from './watch-exit.ts'
import { type WipeReport, isClean, wipe } from './wipe.ts'

const LAUNCH_DEADLINE_MS = 30_000
const STRAYS_DEADLINE_MS = 10_000

type Session = NonNullable<SlotRecord['session']>

/** The place of one browser on this machine, from its directory to the count of what is left of it. */
export class Slot {
  readonly id: string
  readonly identity: Identity
  /** The same for all slots whose browsers pages cannot tell apart. */
  readonly key: string
  /** Everything that it has on disk. */
  readonly path: string
  /** While it runs for a session. */
  browser: HostedBrowser | undefined
  leader: Leader | undefined
  /** Once it listens. */
  endpoint: string | undefined
  /** By the monotonic clock, once it has answered. */
  readySinceMs = Infinity
  readonly #around: Surroundings
  readonly #abort = new AbortController()
  #session: Session | undefined
  #egress: Egress | undefined
  #directory: SlotDirectory | undefined
  #child: ChildProcess | undefined
  #stopWatching = () => {}
  #attended: Disposable | undefined
  #started: Promise<void> | undefined
  #saved: Promise<void> = Promise.resolve()
  #gone: Ending | undefined
  #ending = false
  #ended: Promise<WipeReport> | undefined

  constructor(id: string, identity: Identity, around: Surroundings) {
    this.id = id
    this.identity = identity
    this.key = identityKey(identity, around.chromium.frame)
    this.path = join(around.home.sessions, id)
    this.#around = around
  }

  get sessionId(): string | undefined {
    return this.#session?.sessionId
  }

  get traffic(): Traffic | undefined {
    return this.#egress?.traffic
  }

  troubleWith(host: string, port: number): Trouble | undefined {
    return this.#egress?.troubleWith(host, port)
  }

  /** Whether it listens there on loopback. */
  listensAt(port: number): boolean {
    return (
      port === this.#egress?.port || this.endpoint?.startsWith(`ws://127.0.0.1:${port}/`) === true
    )
  }

  /**
   * Launches the browser for whoever claims it, once `after` has come to pass; nobody can get out through its proxy yet.
   *
   * @throws LaunchFailed, or as `after` does. Begun things are left for `end`.
   */
  start(after?: Promise<unknown>): Promise<void> {
    this.#started = this.#start(after).catch(async (error: Error) => {
      if (error instanceof HostFull) throw error
      if (!(error instanceof LaunchFailed)) throw new LaunchFailed('not_started', error.message)
      if (error.reason === 'exited') await forgetProof(this.#around)
      throw error
    })
    this.#started.catch(() => {})
    return this.#started
  }

  /**
   * Gives the browser to a session as soon as it runs: its file says so, and its proxy lets through what the rules allow.
   *
   * @throws LaunchFailed, also when the browser went away or `signal` is aborted.
   */
  async claim(tenant: Tenant, signal?: AbortSignal): Promise<HostedBrowser> {
    const startedAt = this.#around.clock.now()
    this.#session = { ...tenant, startedAt, warm: this.readySinceMs !== Infinity }
    const isToldLater = this.endpoint === undefined
    const abort = () => this.#abort.abort()
    signal?.addEventListener('abort', abort, { once: true })
    try {
      if (signal?.aborted) abort()
      await this.#started
      this.#demandRunning()
      // The file that is written once it listens names the session already.
      await (isToldLater ? this.#saved : this.#save())
      this.#demandRunning()
      this.#egress!.admit(tenant.egress)
      return this.#host(this.#session, this.endpoint!)
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Takes over what an earlier process launched. @throws Error when it is gone, or the port of its proxy is taken. */
  adopt(record: LiveRecord): Promise<HostedBrowser> {
    const adopted = this.#takeOver(record).catch(async (error: unknown) => {
      this.#stopWatching()
      await this.#close()
      throw error
    })
    this.#started = adopted.then(() => {})
    this.#started.catch(() => {})
    return adopted
  }

  /** Keeps other facts about the session. @throws Error when the browser runs no more. */
  async keepClaim(claim: Claim): Promise<void> {
    this.#session = { ...this.#demandSession(), claim }
    await this.#save()
  }

  /** Other rules from now on. @throws EgressRulesInvalid, or Error when the browser runs no more. */
  async admit(egress: EgressRules): Promise<void> {
    const session = this.#demandSession()
    this.#egress!.admit(egress)
    this.#session = { ...session, egress }
    await this.#save()
  }

  /** Ends the browser in whatever state it is. Callers at once get the same report; a later one tries again what was left. */
  end(): Promise<WipeReport> {
    this.#ending = true
    return (this.#ended ??= this.#end().then((report) => {
      if (!isClean(report)) this.#ended = undefined
      return report
    }))
  }

  /** Kills a browser that took too much, and tells that it is lost. */
  condemn(ending: Ending): void {
    if (!this.browser) return
    this.#stopWatching()
    this.killNow()
    this.#lose(ending)
  }

  /** Kills the browser before it returns; its directory is left to a later process. */
  killNow(): void {
    const { leader } = this
    if (leader && isSameProcess(leader.pid, leader.startTicks)) signalGroup(leader.pid, 'SIGKILL')
  }

  /** Lets go of a browser that runs for a session, for another process to adopt; ends any other. */
  async leave(): Promise<void> {
    if (this.#ending || !this.browser) return void (await this.end())
    this.#stopWatching()
    this.#child?.unref()
    await this.#saved.catch(() => {})
    await this.#close()
  }

  async #start(after?: Promise<unknown>): Promise<void> {
    const { signal } = this.#abort
    if (after) await Promise.race([after, once(signal, 'abort')])
    if (signal.aborted) throw new LaunchFailed('aborted', 'The launch was aborted')
    await this.#prepare()
    const { user, chromium, sandbox, clock } = this.#around
    const { child } = await launchBrowser({
      ...{ program: chromium, identity: this.identity, user, sandbox, signal },
      directory: this.#directory!,
      proxyPort: this.#egress!.port,
      deadlineMs: LAUNCH_DEADLINE_MS,
      onSpawn: (spawned) => {
        this.#lead(spawned)
        void this.#save()
      },
      onEndpoint: (endpoint) => {
        this.endpoint = endpoint
        this.#attend(endpoint)
        if (this.#session) void this.#save()
      },
    })
    this.#stopWatching = watchChild(child, (ending) => this.#lose(ending))
    this.readySinceMs = clock.monotonicMs()
    // Of a claimed one it has been written, or the claim does it.
    await (this.#session ? this.#saved : this.#save())
    this.#demandRunning()
  }

  /** The directory and the proxy, side by side. */
  async #prepare(): Promise<void> {
    const made = await Promise.allSettled([
      makeSlotDirectory(this.path, this.#around.user).then((made) => (this.#directory = made)),
      this.#openEgress(),
    ])
    for (const one of made) if (one.status === 'rejected') throw one.reason
  }

  /** It denies everything until a session has claimed the browser. */
  async #openEgress(port?: number): Promise<void> {
    const { guard, log, clock, isReserved, onRefused, openTunnel } = this.#around
    const nameInLog = () => this.sessionId ?? this.id
    this.#egress = await Egress.open({
      ...{ guard, log, clock, isReserved, port, ...(openTunnel && { openTunnel }) },
      get sessionId() {
        return nameInLog()
      },
    })
    this.#egress.onRefused((refusal) => onRefused(this, refusal))
  }

  async #takeOver(record: LiveRecord): Promise<HostedBrowser> {
    await this.#openEgress(record.egressPort)
    this.leader = record
    if (!isSameProcess(record.pid, record.startTicks)) throw new Error('the browser has ended')
    this.#stopWatching = watchStranger(record, (ending) => this.#lose(ending))
    this.endpoint = record.endpoint
    this.#session = record.session
    this.#egress!.admit(record.session.egress)
    this.#attend(record.endpoint)
    return this.#host(record.session, record.endpoint)
  }

  #attend(endpoint: string): void {
    this.#attended = this.#around.attend({
      ...{ slotId: this.id, endpoint, files: sessionFiles(this.path) },
    })
  }

  #demandSession(): Session {
    if (!this.browser || !this.#session) throw new Error('the browser has ended')
    return this.#session
  }

  #demandRunning(): void {
    if (this.#abort.signal.aborted) throw new LaunchFailed('aborted', 'The launch was aborted')
    if (this.#gone) throw new LaunchFailed('exited', this.#gone.detail)
  }

  #lead({ child, pid, startTicks }: SpawnedProcess): void {
    this.#child = child
    this.leader = { pid, startTicks, executable: this.#around.chromium.path }
  }

  /** One write after the other, each with the facts of its moment. */
  #save(): Promise<void> {
    this.#saved = this.#saved.catch(() => {}).then(() => this.#around.files.write(this.#record()))
    this.#saved.catch(() => {})
    return this.#saved
  }

  #record(): SlotRecord {
    const { id: slotId, identity, endpoint } = this
    const session = this.#session
    return { slotId, ...this.leader!, egressPort: this.#egress!.port, identity, endpoint, session }
  }

  #host({ sessionId, startedAt, warm }: Session, endpoint: string): HostedBrowser {
    const { identity, path } = this
    const files = sessionFiles(path)
    const { pid } = this.leader!
    return (this.browser = { sessionId, pid, endpoint, startedAt, identity, files, warm })
  }

  #lose(ending: Ending): void {
    if (this.#ending) return
    this.#gone = ending
    this.browser = undefined
    this.#attended?.[Symbol.dispose]()
    // Helpers of a dead Chromium end by themselves, unless they hang.
    killProcesses(this.#marks(), STRAYS_DEADLINE_MS).catch(() => {})
    this.#around.onLost(this, ending)
  }

  async #end(): Promise<WipeReport> {
    this.#stopWatching()
    this.#abort.abort()
    this.browser = undefined
    await this.#started?.catch(() => {})
    await this.#saved.catch(() => {})
    const { files, log, user } = this.#around
    const report = await wipe({
      ...{ ...this.#marks(), user, ports: this.#ports },
      close: () => this.#close(),
    })
    if (isClean(report)) await files.remove(this.id)
    else
      log.error(
        { session: this.sessionId, slot: this.id, ...report },
        'something is left of a browser',
      )
    return report
  }

  get #ports(): number[] {
    // A dead browser's port may be somebody else's by now.
    const lives = this.leader && isSameProcess(this.leader.pid, this.leader.startTicks)
    const devTools = this.endpoint && lives ? Number(new URL(this.endpoint).port) : undefined
    return [devTools, this.#egress?.port].filter((port) => port !== undefined)
  }

  #marks() {
    const strangers = new Set(this.#around.leaders())
    if (this.leader) strangers.delete(this.leader.pid)
    return { directory: this.path, leader: this.leader, strangers, tables: this.#around.tables }
  }

  async #close(): Promise<void> {
    this.#attended?.[Symbol.dispose]()
    await Promise.all([this.#egress?.[Symbol.asyncDispose](), this.#directory?.stderr.close()])
  }
}
