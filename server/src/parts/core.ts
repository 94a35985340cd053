import { accountOfUser } from '#identity/index.ts'
import type { Capability } from '#kernel/capability.ts'
import { type Clock, systemClock } from '#kernel/clock.ts'
import type { Config } from '#kernel/config.ts'
import type { Context } from '#kernel/context.ts'
import type { Keyring } from '#kernel/crypto.ts'
import { APP_ROLE, type DatabaseAddress, DatabasePool, type Db } from '#kernel/db.ts'
import { Doorbell } from '#kernel/doorbell.ts'
import { EventLog, settleEpoch } from '#kernel/events.ts'
import type { Home } from '#kernel/home.ts'
import { housekeeping } from '#kernel/housekeeping.ts'
import { Cursors } from '#kernel/http/cursor.ts'
import { type NewId, openIds } from '#kernel/ids.ts'
import { JobQueue } from '#kernel/jobs.ts'
import { type KernelParts, makeContext, type Situation } from '#kernel/kernel.ts'
import type { Log } from '#kernel/log.ts'
import { RuntimeSettings } from '#kernel/runtime-settings.ts'
import type { SealingKeys } from '#kernel/secrets/sealing-keys.ts'
import { UnsealFailures } from '#kernel/secrets/unseal-failures.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import { openTelemetry, type Telemetry } from '#kernel/telemetry.ts'
import { ProblemCounts } from '#operations/index.ts'
import type { SecretsParts } from '#secrets/index.ts'
import { migrateAll } from './migrations.ts'
import { openStore } from './object-store.ts'
import { openKms, openSealingKeys } from './sealing.ts'
import { localUrl } from './web-rules.ts'

export interface CoreOptions {
  config: Config
  home: Home
  /** The database, signed in as its owner. */
  database: DatabaseAddress
  log: Log
  clock?: Clock
}

const SYSTEM = { kind: 'system', name: 'gantry' } as const

/**
 * What every role stands on: the database, the keys, the object store, the queue of jobs, and the contexts made of them. Only its
 * connections are there before it is open.
 */
export class Core {
  readonly config: Config
  readonly home: Home
  readonly log: Log
  readonly clock: Clock
  readonly newId: NewId
  readonly startedAt: Date
  readonly telemetry: Telemetry = openTelemetry()
  readonly pool: DatabasePool
  readonly doorbell: Doorbell
  readonly kms: ReturnType<typeof openKms>
  keys!: SealingKeys
  store!: ObjectStore
  settings!: RuntimeSettings
  problemCounts!: ProblemCounts
  jobs!: JobQueue
  /** Where clients reach this process; empty until it listens. */
  url = ''
  readonly #database: DatabaseAddress
  readonly #draining = new AbortController()
  readonly #stopping = new AbortController()
  #capabilities: readonly Capability[] = []
  #parts!: KernelParts
  #unsealFailures: UnsealFailures | undefined

  constructor({ config, home, database, log, clock = systemClock }: CoreOptions) {
    this.config = config
    this.home = home
    this.log = log
    this.clock = clock
    this.newId = openIds(clock)
    this.startedAt = clock.now()
    this.kms = openKms(config)
    this.#database = database
    const connection = { address: database, role: APP_ROLE, log: log.category('database') }
    const { query: onQuery } = this.telemetry
    this.pool = new DatabasePool({ ...connection, poolSize: config.DATABASE_POOL_SIZE, onQuery })
    this.doorbell = new Doorbell({ ...connection, pool: this.pool.pool })
  }

  get db(): Db {
    return this.pool.db
  }

  get keyring(): Keyring {
    return this.keys.keyring
  }

  /** Aborted when the process is about to stop: nobody is kept waiting then. */
  get draining(): AbortSignal {
    return this.#draining.signal
  }

  /** The keys that seal what the database holds. */
  get secrets(): SecretsParts {
    return {
      keys: this.keys,
      columns: this.#capabilities.flatMap((capability) => capability.sealed ?? []),
    }
  }

  get objectUrls() {
    return { signingKey: this.keyring.derive('object URLs'), clock: this.clock }
  }

  /** Where clients reach the API; in a process that does not serve it, as far as its configuration tells. */
  readonly publicUrl = (): string => {
    const { config } = this
    return this.url || (config.PUBLIC_URL ?? localUrl(config, config.PORT))
  }

  readonly contextFor = (situation: Situation): Context => makeContext(this.#parts, situation)

  /** A context that acts for the product itself. */
  systemContext(accountId?: string): Context {
    return this.contextFor({ actor: SYSTEM, ...(accountId && { accountId }) })
  }

  /** Brings the database to the newest version, and opens what these capabilities work with. */
  async open(capabilities: readonly Capability[]): Promise<void> {
    const { config, home, log, clock, db } = this
    this.#capabilities = capabilities
    await migrateAll({ address: this.#database, log: log.category('database') })
    this.keys = await openSealingKeys(config, { home, log, db, clock, kms: this.kms })
    this.store = await openStore(config, home, { ...this.objectUrls, publicUrl: () => this.url })
    await settleEpoch(db)
    this.settings = await RuntimeSettings.open(db, log.category('settings'), capabilities)
    this.jobs = await this.#openJobs()
    this.#parts = this.#kernelParts()
    this.#unsealFailures = this.#watchUnsealing()
    this.problemCounts = new ProblemCounts(db, clock, log.category('operations'))
    this.telemetry.onProblem(this.problemCounts.record)
  }

  /** From now on nobody waits, and nothing new begins. */
  drain(): void {
    this.#draining.abort()
  }

  /** Closes what is written down late and what holds keys; only the connections stay. */
  async closeServices(): Promise<void> {
    await this.#unsealFailures?.[Symbol.asyncDispose]()
    await this.problemCounts?.[Symbol.asyncDispose]()
    await this.settings?.[Symbol.asyncDispose]()
    await this.keys?.[Symbol.asyncDispose]()
    this.kms[Symbol.dispose]()
    await this.store?.[Symbol.asyncDispose]()
  }

  /** The last word: nothing of this process works any more. */
  markStopped(): void {
    this.#stopping.abort()
  }

  #openJobs(): Promise<JobQueue> {
    const { config, log, doorbell, telemetry } = this
    return JobQueue.open({
      ...{ doorbell, telemetry, pool: this.pool.pool, log: log.category('jobs') },
      jobs: [...housekeeping, ...this.#capabilities.flatMap(({ jobs = [] }) => jobs)],
      graceMs: (config.SHUTDOWN_SECONDS * 1000) / 3,
    })
  }

  #kernelParts(): KernelParts {
    const { db, clock, newId, log, telemetry, settings, jobs, keyring, doorbell, publicUrl } = this
    return {
      ...{ db, clock, newId, log, telemetry, settings, jobs, keyring, publicUrl },
      cursors: new Cursors(keyring.derive('cursors')),
      events: new EventLog({ clock, newId, doorbell }),
      stopping: this.#stopping.signal,
    }
  }

  #watchUnsealing(): UnsealFailures {
    const { db, log, contextFor } = this
    const failures = new UnsealFailures({
      ...{ db, contextFor, log: log.category('secrets'), columns: this.secrets.columns },
      accountOfUser: (userId) => accountOfUser(this.systemContext(), userId),
      count: this.telemetry.unsealingFailed,
    })
    this.keys.onFailure = failures.note
    return failures
  }
}
