import { Admission } from './admission.ts'
import { askProduct } from './devtools.ts'
import type { Traffic, Trouble } from './egress.ts'
import { type EgressRules, parseEgressRules } from './egress-rules.ts'
import { HostFull } from './host-full.ts'
import type {
  BrowserHostOptions,
  HostFacts,
  LaunchOptions,
  LostListener,
  LostReason,
  RefusedListener,
  RunningListener,
} from './host-options.ts'
import type { Identity } from './identity.ts'
import { LaunchFailed } from './launch.ts'
import { Limits } from './limits.ts'
import { freeDiskOf } from './machine.ts'
import { ProcessTables } from './process-tables.ts'
import type { Slot } from './slot.ts'
import { SlotFiles, checkClaim } from './slot-file.ts'
import { Slots } from './slots.ts'
import { Strays } from './strays.ts'
import type {
  Claim,
  HostedBrowser,
  RunningBrowser,
  Surroundings,
  Survivor,
} from './surroundings.ts'
import { type PoolSettings, WarmPool } from './warm-pool.ts'
import type { Ending } from './watch-exit.ts'
import { type WipeReport, isClean } from './wipe.ts'

export { HostFull }
export type { BrowserHostOptions, HostFacts, LaunchOptions, LostReason, PoolSettings }
export type { Claim, HostedBrowser, Identity, RunningBrowser, Survivor, Traffic, WipeReport }

const WARM_IDENTITY: Identity = { viewport: { width: 1280, height: 720 } }
const CHECK_DEADLINE_MS = 3_000
/** Profile and cache of a session, before it has done much. */
const DISK_TO_BEGIN_BYTES = 256 * 1024 ** 2

/**
 * Runs one Chromium per session on this machine, and keeps some ready. One host per data directory: the caller holds its lock.
 * Browsers of sessions outlive the process; the next host adopts or reaps them. Disposing it leaves them running.
 */
export class BrowserHost implements AsyncDisposable {
  readonly #sessions = new Map<string, Slot>()
  /** Those of them that `launch` has yet to go on with. */
  readonly #begun = new Set<string>()
  readonly #slots: Slots
  readonly #pool: WarmPool
  readonly #limits: Limits
  readonly #admission: Admission
  readonly #strays: Strays
  readonly #around: Surroundings
  readonly #lostListeners: LostListener[] = []
  readonly #refusedListeners: RefusedListener[] = []
  readonly #runningListeners: RunningListener[] = []
  #left = false

  /** Starts no browser. */
  static async open(options: BrowserHostOptions): Promise<BrowserHost> {
    const files = new SlotFiles(options.home)
    await files.open()
    return new BrowserHost(options, files)
  }

  private constructor(options: BrowserHostOptions, files: SlotFiles) {
    const { clock, log, times, limits, warmIdentity, maxBrowsers } = options
    const tables = new ProcessTables()
    this.#admission = new Admission({
      diskBytes: Math.min(limits?.diskLimitBytes ?? Infinity, DISK_TO_BEGIN_BYTES),
      probeDisk: () => freeDiskOf(options.home.sessions),
      ...options.admission,
    })
    this.#around = {
      ...options,
      ...{ files, tables },
      leaders: () => this.#leaders(),
      isReserved: (port) => [...this.#slots].some((slot) => slot.listensAt(port)),
      attend: (running) => this.#attend(running),
      onLost: (slot, ending) => this.#lost(slot, ending),
      onRefused: ({ sessionId }, refusal) => {
        for (const listener of this.#refusedListeners) if (sessionId) listener(sessionId, refusal)
      },
    }
    this.#strays = new Strays({ ...this.#around, isOwn: (id) => this.#slots.has(id) })
    this.#slots = new Slots({
      ...{ max: maxBrowsers, around: this.#around, admission: this.#admission },
      onFree: () => this.#pool.look(),
    })
    const identity = warmIdentity ?? WARM_IDENTITY
    this.#pool = new WarmPool({ slots: this.#slots, identity, clock, log, times })
    const running = () => [...this.#sessions.values()].filter(({ browser }) => browser)
    this.#limits = new Limits({ limits, times, tables, clock, log, slots: running })
  }

  /**
   * Gives the session a browser that has answered: one that is ready when its identity fits, else a new one. A failed or
   * aborted launch leaves nothing. Goes on with what was begun for the session.
   *
   * @throws HostFull at once, LaunchFailed, EgressRulesInvalid, or TypeError when the claim is too long.
   */
  async launch(
    sessionId: string,
    identity: Identity,
    options: LaunchOptions = {},
  ): Promise<HostedBrowser> {
    if (!this.#begun.has(sessionId)) this.begin(sessionId, identity, options)
    this.#begun.delete(sessionId)
    const slot = this.#sessions.get(sessionId)!
    const { signal, egress = {}, claim = {} } = options
    try {
      const browser = await slot.claim({ sessionId, egress, claim }, signal)
      if (!this.#slots.settle(slot)) throw new LaunchFailed('aborted', 'The launch was aborted')
      return browser
    } catch (error) {
      await this.#end(sessionId, slot)
      throw error
    }
  }

  /**
   * Takes a place for a session and sets about its browser, before it is certain that there will be such a session: nobody has the browser
   * until `launch`, and `end` undoes it.
   *
   * @throws HostFull, EgressRulesInvalid, or TypeError when the claim is too long.
   */
  begin(
    sessionId: string,
    identity: Identity,
    { egress = {}, claim = {} }: LaunchOptions = {},
  ): void {
    parseEgressRules(egress)
    checkClaim(claim)
    this.#demandFree(sessionId)
    this.#pool.noteAsked()
    this.#sessions.set(sessionId, this.#slots.take(identity))
    this.#begun.add(sessionId)
    this.#pool.look()
  }

  /** Whether `launch` would find a browser of this identity that runs already. */
  isReady(identity: Identity): boolean {
    return !this.#left && this.#slots.isReady(identity)
  }

  /** Of the program that every browser here runs, such as `141.0.7390.54`; when it is known. */
  get version(): string | undefined {
    return this.#around.chromium.version
  }

  /** Whether the disk has too little left for another session. */
  get isDiskFull(): boolean {
    return this.#slots.isDiskFull
  }

  /** A browser that runs; one that is starting, lost or ending is none. */
  get(sessionId: string): HostedBrowser | undefined {
    return this.#sessions.get(sessionId)?.browser
  }

  /** What has gone through the browser's proxy since this process opened it. */
  traffic(sessionId: string): Traffic | undefined {
    return this.#sessions.get(sessionId)?.traffic
  }

  /** Why the browser did not get to a host of late, if it did not. */
  troubleWith(sessionId: string, host: string, port: number): Trouble | undefined {
    return this.#sessions.get(sessionId)?.troubleWith(host, port)
  }

  /**
   * Other rules from now on; what is open and not allowed by them is cut. They are on disk when this returns.
   *
   * @throws EgressRulesInvalid, or Error when its browser runs no more.
   */
  async admit(sessionId: string, egress: EgressRules): Promise<void> {
    await this.#demandSlot(sessionId).admit(egress)
  }

  /** Keeps other facts about the session, on disk when this returns. @throws Error when its browser runs no more. */
  async keepClaim(sessionId: string, claim: Claim): Promise<void> {
    checkClaim(claim)
    await this.#demandSlot(sessionId).keepClaim(claim)
  }

  /**
   * Ends a browser, a lost or a starting one too, and removes every trace of it; its place is free once nothing is left. An
   * unknown id is clean. Callers at once get one report.
   */
  async end(sessionId: string): Promise<WipeReport> {
    const slot = this.#sessions.get(sessionId)
    return slot ? this.#end(sessionId, slot) : this.#strays.end(sessionId)
  }

  /** Live browsers that sessions had in an earlier process, each proven by a command. Those not adopted are for `reap`. */
  survivors(): Promise<Survivor[]> {
    return this.#strays.survivors()
  }

  /** Browsers that sessions had in an earlier process and that were not adopted here: dead ones, or such as could not be. */
  remains(): Promise<Survivor[]> {
    return this.#strays.remains()
  }

  /** Takes over a survivor, with its rules and its proxy on the port that it has always had. @throws Error when that cannot be. */
  async adopt({
    sessionId,
    pid,
  }: Pick<HostedBrowser, 'sessionId' | 'pid'>): Promise<HostedBrowser> {
    const record = await this.#strays.find(sessionId, pid)
    if (!record) throw new Error('the browser is not a survivor')
    this.#demandFree(sessionId)
    const slot = this.#slots.takeOver(record)
    this.#sessions.set(sessionId, slot)
    try {
      return await slot.adopt(record)
    } catch (error) {
      this.#sessions.delete(sessionId)
      this.#slots.drop(slot)
      throw error
    }
  }

  /** Ends and wipes all that earlier processes left, but for the sessions to keep. Returns how many there were. */
  reap(keep: ReadonlySet<string>): Promise<number> {
    return this.#strays.reap(keep)
  }

  /**
   * Called as soon as a browser listens, before it has answered and before any session has it. What it returns is disposed of when that
   * browser is lost, ended or let go of.
   */
  onRunning(listener: RunningListener): void {
    this.#runningListeners.push(listener)
  }

  /** Called within a second when a browser has gone that nobody ended. Its traces stay until `end`. */
  onLost(listener: LostListener): void {
    this.#lostListeners.push(listener)
  }

  /** Called when a browser was refused a destination: of each (host, port, reason) once in 10 s. */
  onRefused(listener: RefusedListener): void {
    this.#refusedListeners.push(listener)
  }

  /** How many browsers to keep ready, and to have at most. Takes effect at once; the first call begins to fill the pool. */
  setPool(settings: PoolSettings): void {
    this.#pool.set(settings)
  }

  /** Takes no new sessions from now on, and ends the browsers that wait for one; sessions go on. */
  async drain(): Promise<void> {
    this.#slots.ledger.drain()
    await this.#slots.endIdle()
  }

  /** Takes new sessions again after `drain`. */
  resume(): void {
    this.#slots.ledger.resume()
    this.#pool.look()
  }

  facts(): HostFacts {
    const { ledger } = this.#slots
    const { max, draining, counts } = ledger
    const machine = this.#admission.facts()
    return {
      free: this.#slots.free,
      max,
      draining,
      ...counts,
      pool: this.#pool.settings,
      ...machine,
    }
  }

  /** Health: a real command to every browser of a session, answered within 3 s. Names no session: everybody may read it. */
  async check(): Promise<{ ok: boolean; detail: string }> {
    const browsers = [...this.#sessions.values()].map(({ browser }) => browser).filter((b) => !!b)
    const answers = await Promise.allSettled(
      browsers.map(({ endpoint }) => askProduct(endpoint, CHECK_DEADLINE_MS)),
    )
    const silent = browsers.filter((_, index) => answers[index]!.status === 'rejected')
    const answering = `${browsers.length - silent.length} of ${browsers.length} browsers answer`
    for (const { sessionId } of silent) {
      this.#around.log.warn({ session: sessionId }, 'browser does not answer')
    }
    return { ok: silent.length === 0, detail: answering }
  }

  /** Kills every browser before it returns. Directories are left to a later process. */
  killAllNow(): void {
    for (const slot of this.#slots) slot.killNow()
  }

  /** Closes what this process holds, and leaves sessions' browsers running for another to adopt. All others are ended. */
  async leave(): Promise<void> {
    this.#left = true
    await Promise.all([this.#pool, this.#limits].map((part) => part[Symbol.asyncDispose]()))
    this.#sessions.clear()
    this.#begun.clear()
    await Promise.all(this.#slots.letGo().map((slot) => slot.leave()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave()
  }

  async #end(sessionId: string, slot: Slot): Promise<WipeReport> {
    this.#begun.delete(sessionId)
    const report = await this.#slots.end(slot)
    if (isClean(report) && this.#sessions.get(sessionId) === slot) this.#sessions.delete(sessionId)
    return report
  }

  #attend(running: RunningBrowser): Disposable {
    const attended = new DisposableStack()
    for (const listener of this.#runningListeners) attended.use(listener(running))
    return attended
  }

  /** One that waited for a session is replaced; of a session's its owner is told. */
  #lost(slot: Slot, { reason, detail }: Ending): void {
    const { sessionId } = slot
    this.#around.log.warn({ session: sessionId, slot: slot.id, reason, detail }, 'browser lost')
    const state = this.#slots.ledger.state(slot.id)
    if (state === 'ready') void this.#slots.endQuietly(slot)
    if (state !== 'claimed' || sessionId === undefined) return
    for (const listener of this.#lostListeners) listener(sessionId, reason, detail)
  }

  #demandSlot(sessionId: string): Slot {
    const slot = this.#sessions.get(sessionId)
    if (!slot) throw new Error('the session has no browser')
    return slot
  }

  #demandFree(sessionId: string): void {
    if (this.#left) throw new Error('the browser host is closed')
    if (this.#sessions.has(sessionId)) throw new Error(`${sessionId} has a browser already`)
  }

  *#leaders(): Generator<number> {
    for (const { leader } of this.#slots) if (leader) yield leader.pid
  }
}
