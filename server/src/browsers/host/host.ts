import { askProduct } from './devtools.ts'
import type { Traffic } from './egress.ts'
import type { Identity } from './identity.ts'
import { Slot } from './slot.ts'
import { SlotFiles, isSessionId } from './slot-file.ts'
import { findStrays, findSurvivors, wipeStray } from './strays.ts'
import type { HostedBrowser, Surroundings } from './surroundings.ts'
import type { Ending } from './watch-exit.ts'
import type { WipeReport } from './wipe.ts'

export type { HostedBrowser, Identity, Traffic, WipeReport }

export interface BrowserHostOptions extends Pick<
  Surroundings,
  'home' | 'user' | 'chromium' | 'guard' | 'log' | 'clock' | 'sandbox'
> {
  maxBrowsers: number
}

/** Every place is taken. */
export class HostFull extends Error {
  constructor(maxBrowsers: number) {
    super(`this machine already runs ${maxBrowsers} browsers`)
    this.name = 'HostFull'
  }
}

type LostListener = (sessionId: string, reason: Ending['reason'], detail: string) => void

const CHECK_DEADLINE_MS = 3_000
const REAPED_AT_ONCE = 4

/**
 * Runs one Chromium per session on this machine. One host per data directory: the caller holds its lock. Browsers outlive the
 * process; the next host adopts or reaps them. Disposing it leaves them running.
 */
export class BrowserHost implements AsyncDisposable {
  readonly #slots = new Map<string, Slot>()
  readonly #files: SlotFiles
  readonly #around: Surroundings
  readonly #maxBrowsers: number
  readonly #listeners: LostListener[] = []
  #left = false

  /** Starts no browser. */
  static async open(options: BrowserHostOptions): Promise<BrowserHost> {
    const host = new BrowserHost(options)
    await host.#files.open()
    return host
  }

  private constructor({ maxBrowsers, ...options }: BrowserHostOptions) {
    this.#maxBrowsers = maxBrowsers
    this.#files = new SlotFiles(options.home)
    this.#around = {
      ...options,
      files: this.#files,
      leaders: () => this.#leaders(),
      isReserved: (port) => [...this.#slots.values()].some((slot) => slot.ports.includes(port)),
      onLost: (sessionId, { reason, detail }) => {
        options.log.warn({ session: sessionId, reason, detail }, 'browser lost')
        for (const listener of this.#listeners) listener(sessionId, reason, detail)
      },
    }
  }

  /**
   * Starts a browser and waits until it has answered. A failed or aborted launch leaves nothing.
   *
   * @throws LaunchFailed, or HostFull.
   */
  async launch(
    sessionId: string,
    identity: Identity,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<HostedBrowser> {
    const slot = this.#add(sessionId)
    try {
      return await slot.launch(identity, signal)
    } catch (error) {
      this.#slots.delete(sessionId)
      throw error
    }
  }

  /** A browser that runs; one that is starting, lost or ending is none. */
  get(sessionId: string): HostedBrowser | undefined {
    return this.#slots.get(sessionId)?.browser
  }

  /** What has gone through the browser's proxy since this process opened it. */
  traffic(sessionId: string): Traffic | undefined {
    return this.#slots.get(sessionId)?.traffic
  }

  /** Ends a browser, a lost or a starting one too, and removes every trace of it. An unknown id is clean. */
  async end(sessionId: string): Promise<WipeReport> {
    const slot = this.#slots.get(sessionId)
    if (!slot) return this.#endStray(sessionId)
    const report = await slot.end()
    if (this.#slots.get(sessionId) === slot) this.#slots.delete(sessionId)
    return report
  }

  /** Live browsers of an earlier process, each proven by a command. Those that are not adopted are for `reap`. */
  async survivors(): Promise<HostedBrowser[]> {
    const found = await findSurvivors(this.#traces())
    return found
      .filter(({ sessionId }) => !this.#slots.has(sessionId))
      .map(({ sessionId, pid, endpoint, startedAt, identity }) => {
        return { sessionId, pid, endpoint, startedAt, identity }
      })
  }

  /** Takes over a survivor, with its proxy on the port that it has always had. @throws Error when that cannot be. */
  async adopt({ sessionId, pid }: HostedBrowser): Promise<HostedBrowser> {
    const record = await this.#files.read(sessionId)
    if (!record?.endpoint || record.pid !== pid) throw new Error('the browser is not a survivor')
    const slot = this.#add(sessionId)
    try {
      return await slot.adopt({ ...record, endpoint: record.endpoint })
    } catch (error) {
      this.#slots.delete(sessionId)
      throw error
    }
  }

  /** Ends and wipes all that earlier processes left, but for the sessions to keep. Returns how many there were. */
  async reap(keep: ReadonlySet<string>): Promise<number> {
    const strays = [...(await findStrays(this.#traces()))].filter(
      (sessionId) => !keep.has(sessionId) && !this.#slots.has(sessionId),
    )
    const waiting = strays.values()
    const reapSome = async () => {
      for (const sessionId of waiting) {
        const report = await wipeStray(this.#traces(), sessionId)
        this.#around.log.info({ session: sessionId, ...report }, 'stray browser reaped')
      }
    }
    await Promise.all(Array.from({ length: REAPED_AT_ONCE }, reapSome))
    return strays.length
  }

  /** Called within a second when a browser has gone that nobody ended. Its traces stay until `end`. */
  onLost(listener: LostListener): void {
    this.#listeners.push(listener)
  }

  /** Health: a real command to every browser, answered within 3 s. Names no session: everybody may read it. */
  async check(): Promise<{ ok: boolean; detail: string }> {
    const browsers = [...this.#slots.values()].map(({ browser }) => browser).filter((b) => !!b)
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
    for (const slot of this.#slots.values()) slot.killNow()
  }

  /** Closes what this process holds, and leaves the browsers running for another to adopt. Launches under way are undone. */
  async leave(): Promise<void> {
    this.#left = true
    const slots = [...this.#slots.values()]
    this.#slots.clear()
    await Promise.all(slots.map((slot) => slot.leave()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave()
  }

  #add(sessionId: string): Slot {
    if (this.#left) throw new Error('the browser host is closed')
    if (!isSessionId(sessionId)) throw new TypeError('not a session id')
    if (this.#slots.has(sessionId)) throw new Error(`${sessionId} has a browser already`)
    if (this.#slots.size >= this.#maxBrowsers) throw new HostFull(this.#maxBrowsers)
    const slot = new Slot(sessionId, this.#around)
    this.#slots.set(sessionId, slot)
    return slot
  }

  async #endStray(sessionId: string): Promise<WipeReport> {
    const strays = await findStrays(this.#traces())
    if (strays.has(sessionId)) return wipeStray(this.#traces(), sessionId)
    return { processes: 0, directories: 0, sockets: 0 }
  }

  #traces() {
    const { home, user } = this.#around
    return { home, user, files: this.#files, leaders: () => this.#leaders() }
  }

  *#leaders(): Generator<number> {
    for (const { leader } of this.#slots.values()) if (leader) yield leader.pid
  }
}
