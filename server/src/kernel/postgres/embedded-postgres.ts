import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Home } from '../home.ts'
import type { Logger } from '../log.ts'
import type { Users } from '../unprivileged.ts'
import { type EmbeddedAddress, removeAddress, writeAddress } from './address.ts'
import { openDataDirectory, SUPERUSER } from './data-directory.ts'
import { sweepDrafts } from './drafts.ts'
import { findCarried, preparePrograms, removeOtherCopies } from './programs.ts'
import { waitUntilReady } from './ready.ts'
import {
  findSurvivor,
  killRemnants,
  lastWords,
  type ServerPlan,
  type ServerProcess,
  shutDown,
  signalServer,
  spawnServer,
} from './server-process.ts'
import { serverArguments } from './settings.ts'
import { makeSocketDirectory, PORT, removeSocketDirectory } from './socket-directory.ts'
import { removeStaleLocks } from './stale-locks.ts'

export interface EmbeddedPostgresOptions {
  home: Home
  users: Users
  log: Logger
  /** `test` is faster and may lose everything in a power cut; `full` when absent. */
  durability?: 'full' | 'test'
}

const DATABASE = 'gantry'
const START_DEADLINE_MS = 60_000
const ADOPT_DEADLINE_MS = 10_000
const FIRST_BACKOFF_MS = 250
const LONGEST_BACKOFF_MS = 10_000
/** A server that has run for so long starts the count of failures anew. */
const STEADY_MS = 60_000

/**
 * The PostgreSQL server of one data directory. It outlives a killed owner and is adopted by the next, and it is started again when
 * it ends by itself. The caller holds the role lock: two owners at once are not foreseen.
 */
export class EmbeddedPostgres implements AsyncDisposable {
  readonly address: EmbeddedAddress
  readonly #home: Home
  readonly #plan: ServerPlan
  readonly #log: Logger
  readonly #stopping = new AbortController()
  #server: ServerProcess | undefined
  #startedAt = 0
  #failures = 0
  #restarting: Promise<void> = Promise.resolve()
  #stopped: Promise<void> | undefined

  private constructor(home: Home, plan: ServerPlan, address: EmbeddedAddress, log: Logger) {
    this.#home = home
    this.#plan = plan
    this.address = address
    this.#log = log
  }

  /** Adopts the server that runs on the data directory, or starts one; resolves when it answers queries. */
  static async open(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const { home, log } = options
    const { programs, plan, address } = await prepare(options)
    const postgres = new EmbeddedPostgres(home, plan, address, log)
    try {
      if (!(await postgres.#adopt())) await postgres.#start()
      await removeOtherCopies(home, programs)
    } catch (error) {
      await postgres.stop()
      throw error
    }
    postgres.#watch()
    return postgres
  }

  /** Lets statements in flight end as errors, writes everything out and ends the server: at most 30 s. May be called again. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#end())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Tells the server to end at once; the next start recovers. For a process that cannot wait. */
  stopNow(): void {
    this.#stopping.abort()
    if (this.#server) signalServer(this.#server, 'SIGQUIT')
  }

  async #end(): Promise<void> {
    this.#stopping.abort()
    await this.#restarting
    if (this.#server) await shutDown(this.#server, this.#plan)
    await removeAddress(this.#home)
    await removeSocketDirectory(this.address.host)
  }

  async #adopt(): Promise<boolean> {
    const survivor = findSurvivor(this.#plan)
    if (!survivor) return false
    const { server, asPlanned } = survivor
    try {
      if (!asPlanned) throw new Error('it runs with other settings or from another place')
      await this.#settle(server, ADOPT_DEADLINE_MS)
      this.#log.info({ serverPid: server.pid }, 'postgresql had survived and is adopted')
      return true
    } catch (error) {
      this.#log.warn({ err: error, serverPid: server.pid }, 'surviving postgresql is not adopted')
      await shutDown(server, this.#plan)
      return false
    }
  }

  async #start(): Promise<void> {
    await killRemnants(this.#plan)
    await removeStaleLocks(this.#plan.data, this.address.host)
    this.#stopping.signal.throwIfAborted()
    const server = spawnServer(this.#plan)
    try {
      await this.#settle(server, START_DEADLINE_MS)
    } catch (cause) {
      await shutDown(server, this.#plan)
      const said = `${(cause as Error).message} (${lastWords(server, this.#plan)})`
      throw new Error(`PostgreSQL did not start: ${said}. See ${this.#plan.logPath}`, { cause })
    }
    this.#log.info({ serverPid: server.pid }, 'postgresql started')
  }

  async #settle(server: ServerProcess, deadlineMs: number): Promise<void> {
    this.#server = server
    this.#startedAt = performance.now()
    const { signal } = this.#stopping
    await waitUntilReady(server, this.address, { deadlineMs, signal })
    await writeAddress(this.#home, this.address)
  }

  #watch(): void {
    void this.#server?.ended.then(() => {
      if (!this.#stopping.signal.aborted) this.#restarting = this.#restart()
    })
  }

  /** At once, and then less and less often. Only a stop ends it: what hinders the server, a full disk say, may pass. */
  async #restart(): Promise<void> {
    const { signal } = this.#stopping
    if (performance.now() - this.#startedAt > STEADY_MS) this.#failures = 0
    this.#log.error({ failures: this.#failures }, 'postgresql ended by itself and is started again')
    while (!signal.aborted) {
      try {
        await sleep(backoffMs(this.#failures++), undefined, { signal })
        await this.#start()
        return this.#watch()
      } catch (error) {
        if (!signal.aborted) this.#log.error({ err: error }, 'postgresql could not be started')
      }
    }
  }
}

function backoffMs(failures: number): number {
  return failures === 0 ? 0 : Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), LONGEST_BACKOFF_MS)
}

async function prepare({ home, users, durability = 'full' }: EmbeddedPostgresOptions) {
  const user = users.database
  if (!user && process.getuid?.() === 0) {
    throw new Error('As root, PostgreSQL needs a user of its own to run as')
  }
  const durable = durability === 'full'
  await sweepDrafts(home)
  const programs = await preparePrograms(await findCarried(), home, user)
  const { data, password } = await openDataDirectory(home, programs, durable, user)
  const host = await makeSocketDirectory(home, user)
  const args = serverArguments(data, host, durable)
  const logPath = join(home.logs, 'postgres.log')
  return {
    programs,
    plan: { program: programs.postgres, args, data, logPath, user },
    address: { host, port: PORT, user: SUPERUSER, password, database: DATABASE },
  }
}
