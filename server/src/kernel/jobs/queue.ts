import { randomUUID } from 'node:crypto'
import { CompiledQuery } from 'kysely'
import type pg from 'pg'
import { type Db as BossDatabase, PgBoss } from 'pg-boss'
import type { z } from 'zod'
import type { Context, Origin } from '../context.ts'
import type { Db } from '../db.ts'
import type { Doorbell } from '../doorbell.ts'
import type { JobKind, SendOptions } from '../jobs.ts'
import type { Situation } from '../kernel.ts'
import type { Logger } from '../log.ts'
import type { Telemetry } from '../telemetry.ts'
import { type Envelope, queueKey } from './envelope.ts'
import { QUEUE_SCHEMA } from './install.ts'
import {
  countJobs,
  findJob,
  type JobFilter,
  listJobs,
  oldestDueSeconds,
  retryJob,
} from './overview.ts'
import { declareQueues } from './queues.ts'
import { JobWorkers } from './workers.ts'

export interface JobQueueOptions {
  /** Every statement of the queue goes through it. */
  pool: pg.Pool
  /** Every kind of the manifest, also in a process that runs none. */
  jobs: readonly JobKind[]
  doorbell: Doorbell
  log: Logger
  telemetry: Pick<Telemetry, 'job'>
  /** What running jobs get to finish when the process stops; 10 s unless given. */
  graceMs?: number
}

const GRACE_MS = 10_000
const NOBODY = '00000000-0000-0000-0000-000000000000'

/** Sends jobs, shows them, and, once asked to `work`, runs them. */
export class JobQueue implements AsyncDisposable {
  readonly #options: JobQueueOptions
  readonly #boss: PgBoss
  #workers: JobWorkers | undefined

  private constructor(options: JobQueueOptions) {
    this.#options = options
    this.#boss = openBoss(options)
  }

  /** Makes a queue for each kind. The schema is there already: `installQueue`. */
  static async open(options: JobQueueOptions): Promise<JobQueue> {
    const queue = new JobQueue(options)
    const boss = queue.#boss
    await declareQueues(boss, options.jobs)
    // Fills pg-boss's cache of queues: a send within a transaction must not wait for a second connection.
    await Promise.all(options.jobs.map(({ name }) => boss.findJobs(name, { id: NOBODY })))
    return queue
  }

  /**
   * Queues a job with `db`, so with its transaction when it is one; the caller calls `wake` once it has committed. Returns the job's id,
   * or null when its unique key is queued, running or waiting for a retry. @throws ZodError when the input is not of the kind.
   */
  async send<Input extends z.ZodType>(
    db: Db,
    origin: Origin,
    job: Pick<JobKind<Input>, 'name' | 'input'>,
    input: z.input<Input>,
    { uniqueKey, priority, startAfter }: SendOptions = {},
  ): Promise<string | null> {
    job.input.parse(input)
    const { accountId, correlationId, actor: sentBy } = origin
    const envelope: Envelope = { input, accountId, correlationId, sentBy }
    const singletonKey = queueKey(uniqueKey, randomUUID)
    return this.#boss.send(job.name, envelope, {
      singletonKey,
      db: through(db),
      ...(priority !== undefined && { priority }),
      ...(startAfter && { startAfter }),
    })
  }

  /** Tells the workers of all processes to look; always the same function, so that one transaction calls it once. */
  readonly wake = (): void => this.#options.doorbell.ring('jobs')

  /** Runs jobs of every kind, and the clock of those that have one, until disposed of. */
  async work(contextFor: (situation: Situation) => Context): Promise<void> {
    const { graceMs = GRACE_MS } = this.#options
    this.#workers = new JobWorkers({ ...this.#options, boss: this.#boss, contextFor, graceMs })
    await this.#workers.start()
  }

  /** Those that were sent, or have died, last come first. `next` is where the next page starts. */
  list(filter: JobFilter) {
    return listJobs(this.#options.pool, filter)
  }

  get(id: string) {
    return findJob(this.#options.pool, id)
  }

  /** How many jobs of each kind are queued, retrying, active and dead. */
  counts() {
    return countJobs(this.#options.pool)
  }

  /** Age of the oldest job that is due and has not begun; 0 when none is waiting. */
  oldestDueSeconds() {
    return oldestDueSeconds(this.#options.pool)
  }

  /** Runs a dead job again, with all its tries; false when there is no such dead job or its unique key is queued already. */
  async retry(id: string): Promise<boolean> {
    const retried = await retryJob(this.#boss, this.#options.pool, id)
    if (retried) this.wake()
    return retried
  }

  /** Takes no more jobs, gives the running ones their grace, and leaves the rest to be taken by another process at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#workers?.[Symbol.asyncDispose]()
  }
}

function openBoss({ pool, log }: JobQueueOptions): PgBoss {
  const boss = new PgBoss({
    schema: QUEUE_SCHEMA,
    db: { executeSql: (text, values) => pool.query(text, values) },
    migrate: false,
    // Only the owner of an index may rebuild it.
    reindex: false,
    maintenanceIntervalSeconds: 3600,
    cronMonitorIntervalSeconds: 10,
    cronWorkerIntervalSeconds: 2,
  })
  boss.on('error', (err) => log.warn({ err }, 'job queue error'))
  boss.on('warning', ({ message, data }) =>
    log.warn({ warning: message, data }, 'job queue warning'),
  )
  return boss
}

/** pg-boss's view of one connection or transaction of ours. Its column names are its own, so no plugin may touch them. */
function through(db: Db): BossDatabase {
  const plain = db.withoutPlugins()
  return {
    executeSql: async (text, values = []) => {
      const { rows } = await plain.executeQuery(CompiledQuery.raw(text, values))
      return { rows }
    },
  }
}
