import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { isSameProcess, signalGroup } from '#kernel/processes.ts'
import { Egress, type Traffic } from './egress.ts'
import type { Identity } from './identity.ts'
import { LaunchFailed, type SpawnedProcess, launchBrowser } from './launch.ts'
import { forgetProof } from './proof-memory.ts'
import { type SlotDirectory, makeSlotDirectory } from './slot-directory.ts'
import type { LiveRecord } from './slot-file.ts'
import { type Leader, killProcesses } from './slot-processes.ts'
import type { HostedBrowser, Surroundings } from './surroundings.ts'
import { type Ending, watchChild, watchStranger } from './watch-exit.ts'
import { type WipeReport, isClean, wipe } from './wipe.ts'

const LAUNCH_DEADLINE_MS = 30_000
const STRAYS_DEADLINE_MS = 10_000

/** The place of one browser on this machine, from its directory to the count of what is left of it. */
export class Slot {
  readonly sessionId: string
  /** While it runs. */
  browser: HostedBrowser | undefined
  leader: Leader | undefined
  readonly #around: Surroundings
  readonly #path: string
  readonly #abort = new AbortController()
  #egress: Egress | undefined
  #directory: SlotDirectory | undefined
  #child: ChildProcess | undefined
  #stopWatching = () => {}
  #started: Promise<HostedBrowser> | undefined
  #ended: Promise<WipeReport> | undefined

  constructor(sessionId: string, around: Surroundings) {
    this.sessionId = sessionId
    this.#around = around
    this.#path = join(around.home.sessions, sessionId)
  }

  get traffic(): Traffic | undefined {
    return this.#egress?.traffic
  }

  /** Where it listens on loopback. */
  get ports(): number[] {
    const devTools = this.browser && Number(new URL(this.browser.endpoint).port)
    return [devTools, this.#egress?.port].filter((port) => port !== undefined)
  }

  /** @throws LaunchFailed, after all that was begun has been undone. */
  launch(identity: Identity, signal?: AbortSignal): Promise<HostedBrowser> {
    this.#started = this.#start(identity, signal)
    return this.#started.catch(async (error: Error) => {
      await this.end()
      if (!(error instanceof LaunchFailed)) throw new LaunchFailed('not_started', error.message)
      if (error.reason === 'exited') await forgetProof(this.#around)
      throw error
    })
  }

  /** Takes over what an earlier process launched. @throws Error when it is gone, or the port of its proxy is taken. */
  adopt(record: LiveRecord): Promise<HostedBrowser> {
    this.#started = this.#takeOver(record)
    return this.#started
  }

  /** Ends the browser in whatever state it is. Every caller gets the same report. */
  end(): Promise<WipeReport> {
    return (this.#ended ??= this.#end())
  }

  /** Kills the browser before it returns; its directory is left to a later process. */
  killNow(): void {
    const { leader } = this
    if (leader && isSameProcess(leader.pid, leader.startTicks)) signalGroup(leader.pid, 'SIGKILL')
  }

  /** Lets go of a browser that runs, for another process to adopt; ends one that is only starting. */
  async leave(): Promise<void> {
    if (this.#ended || !this.browser) return void (await this.end())
    this.#stopWatching()
    this.#child?.unref()
    await this.#close()
  }

  async #start(identity: Identity, signal?: AbortSignal): Promise<HostedBrowser> {
    const { user, chromium, sandbox, clock, files } = this.#around
    const startedAt = clock.now()
    await this.#prepare()
    let drafted: Promise<void> | undefined
    const { endpoint, child } = await launchBrowser({
      program: chromium,
      identity,
      directory: this.#directory!,
      proxyPort: this.#egress!.port,
      user,
      sandbox,
      signal: signal ? AbortSignal.any([signal, this.#abort.signal]) : this.#abort.signal,
      deadlineMs: LAUNCH_DEADLINE_MS,
      onSpawn: (spawned) => {
        this.#lead(spawned)
        drafted = files.write(this.#record({ identity, startedAt }))
        drafted.catch(() => {})
      },
    })
    await drafted
    await files.write(this.#record({ identity, startedAt, endpoint }))
    if (signal?.aborted || this.#ended) throw new LaunchFailed('aborted', 'The launch was aborted')
    this.#stopWatching = watchChild(child, (ending) => this.#lose(ending))
    return this.#hosted({ identity, startedAt, endpoint })
  }

  /** The directory and the proxy, side by side. */
  async #prepare(): Promise<void> {
    const made = await Promise.allSettled([
      makeSlotDirectory(this.#path, this.#around.user).then((made) => (this.#directory = made)),
      this.#openEgress(),
    ])
    for (const one of made) if (one.status === 'rejected') throw one.reason
  }

  async #openEgress(port?: number): Promise<void> {
    const { guard, log, isReserved } = this.#around
    const { sessionId } = this
    this.#egress = await Egress.open({ guard, log, isReserved, sessionId, port })
  }

  async #takeOver(record: LiveRecord): Promise<HostedBrowser> {
    await this.#openEgress(record.egressPort)
    this.leader = record
    if (!isSameProcess(record.pid, record.startTicks)) {
      await this.#close()
      throw new Error('the browser has ended')
    }
    this.#stopWatching = watchStranger(record, (ending) => this.#lose(ending))
    return this.#hosted(record)
  }

  #lead({ child, pid, startTicks }: SpawnedProcess): void {
    this.#child = child
    this.leader = { pid, startTicks, executable: this.#around.chromium.path }
  }

  #record(facts: { identity: Identity; startedAt: Date; endpoint?: string }) {
    const { sessionId } = this
    return { sessionId, ...this.leader!, egressPort: this.#egress!.port, ...facts }
  }

  #hosted({ endpoint, startedAt, identity }: Omit<HostedBrowser, 'sessionId' | 'pid'>) {
    const { sessionId } = this
    this.browser = { sessionId, pid: this.leader!.pid, endpoint, startedAt, identity }
    return this.browser
  }

  #lose(ending: Ending): void {
    if (this.#ended) return
    this.browser = undefined
    // Helpers of a dead Chromium end by themselves, unless they hang.
    void killProcesses(this.#marks(), STRAYS_DEADLINE_MS)
    this.#around.onLost(this.sessionId, ending)
  }

  async #end(): Promise<WipeReport> {
    this.#stopWatching()
    this.#abort.abort()
    await this.#started?.catch(() => {})
    const { files, log, user } = this.#around
    const { ports } = this
    this.browser = undefined
    const report = await wipe({ ...this.#marks(), user, ports, close: () => this.#close() })
    if (isClean(report)) await files.remove(this.sessionId)
    else log.error({ session: this.sessionId, ...report }, 'something is left of a browser')
    return report
  }

  #marks() {
    const strangers = new Set(this.#around.leaders())
    if (this.leader) strangers.delete(this.leader.pid)
    return { directory: this.#path, leader: this.leader, strangers }
  }

  async #close(): Promise<void> {
    await Promise.all([this.#egress?.[Symbol.asyncDispose](), this.#directory?.stderr.close()])
  }
}
