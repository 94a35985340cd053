import type pg from 'pg'
import type { JobWithMetadata, PgBoss } from 'pg-boss'
import type { Context } from '../context.ts'
import type { Doorbell } from '../doorbell.ts'
import type { JobKind } from '../jobs.ts'
import type { Situation } from '../kernel.ts'
import { describeError, type Logger } from '../log.ts'
import type { Telemetry } from '../telemetry.ts'
import { Ticker } from '../ticker.ts'
import { within } from '../within.ts'
import type { Envelope } from './envelope.ts'
import { readyQueues, release, requeueLost } from './lost.ts'
import { declareSchedules } from './queues.ts'
import { runJob } from './run.ts'

export interface JobWorkersOptions {
  boss: PgBoss
  pool: Pick<pg.Pool, 'query'>
  jobs: readonly JobKind[]
  contextFor: (situation: Situation) => Context
  doorbell: Doorbell
  log: Logger
  telemetry: Pick<Telemetry, 'job'>
  /** What running jobs get to finish when the process stops. */
  graceMs: number
}

export type Taken = JobWithMetadata<Envelope>

const CONCURRENCY = 2
const LOOK_MS = 1000
const SWEEP_MS = 3000
const BEAT_SECONDS = 3
/** Only for when looking fails: one look tells for all queues what to fetch. */
const FETCH_SECONDS = 30
/** How long before the end of its grace a job's signal is aborted. */
const LAST_WORDS_MS = 2000

/** The slots of this process that run jobs. */
export class JobWorkers implements AsyncDisposable {
  readonly #options: JobWorkersOptions
  readonly #slots = new Map<string, string[]>()
  readonly #running = new Set<Taken>()
  readonly #stopping = new AbortController()
  readonly #look: Ticker
  readonly #sweep: Ticker
  #ending = false
  #unanswer: (() => void) | undefined

  constructor(options: JobWorkersOptions) {
    this.#options = options
    const { log } = options
    const tick = (name: string, everyMs: number, work: () => Promise<void>) =>
      new Ticker({ name, everyMs, log, work })
    this.#look = tick('look for jobs', LOOK_MS, () => this.#fetchReady())
    this.#sweep = tick('look for lost workers', SWEEP_MS, () => this.#requeueLost())
  }

  async start(): Promise<void> {
    const { boss, jobs, doorbell } = this.#options
    // Before the start, which looks at once what came due while nobody ran.
    await declareSchedules(boss, jobs)
    await boss.start()
    for (const job of jobs) await this.#openSlots(job)
    this.#unanswer = doorbell.answer('jobs', () => this.#look.nudge())
    this.#look.start()
    this.#sweep.start()
  }

  /** Takes no more jobs, lets the running ones finish, and gives back what has not finished in time. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true
    this.#unanswer?.()
    await Promise.all([this.#look[Symbol.asyncDispose](), this.#sweep[Symbol.asyncDispose]()])
    await this.#drain()
    try {
      for (const taken of this.#running) await this.#giveBack(taken)
    } finally {
      await this.#options.boss.stop({ graceful: false })
    }
  }

  async #drain(): Promise<void> {
    const { boss, graceMs } = this.#options
    const lastWordsMs = Math.min(LAST_WORDS_MS, graceMs / 2)
    const drained = Promise.all([...this.#slots.keys()].map((name) => boss.offWork(name)))
    if (await within(graceMs - lastWordsMs, drained)) return
    this.#stopping.abort(new Error('the process is stopping'))
    await within(lastWordsMs, drained)
  }

  /** A slot is a worker of its own, since only then is it known whom to tell to fetch again at once. */
  async #openSlots(job: JobKind): Promise<void> {
    const slots: string[] = []
    this.#slots.set(job.name, slots)
    for (let slot = 0; slot < (job.concurrency ?? CONCURRENCY); slot++) {
      const id = await this.#options.boss.work(
        job.name,
        {
          includeMetadata: true,
          heartbeatRefreshSeconds: BEAT_SECONDS,
          pollingIntervalSeconds: FETCH_SECONDS,
        },
        async ([taken]: Taken[]) => {
          await this.#run(job, taken!)
          this.#options.boss.notifyWorker(id)
        },
      )
      slots.push(id)
    }
  }

  async #run(job: JobKind, taken: Taken): Promise<void> {
    if (this.#ending) return this.#giveBack(taken)
    const { boss, log } = this.#options
    this.#running.add(taken)
    try {
      const signal = AbortSignal.any([taken.signal, this.#stopping.signal])
      const failure = await runJob({ ...this.#options, job, taken, signal })
      if (!failure) return
      if (this.#stopping.signal.aborted) return await this.#giveBack(taken)
      const last = taken.retryCount >= taken.retryLimit
      const facts = { err: failure.error, job: job.name, id: taken.id, retries: taken.retryCount }
      log[last ? 'error' : 'warn'](facts, last ? 'job failed for good' : 'job failed')
      // Settled here, since pg-boss would store every member of the error. What it does next finds the try settled.
      await boss.fail(job.name, taken, describeError(failure.error) as object)
    } finally {
      this.#running.delete(taken)
    }
  }

  async #giveBack(taken: Taken): Promise<void> {
    await release(this.#options.pool, taken)
    this.#options.log.info({ job: taken.name, id: taken.id }, 'job given back')
    this.#options.doorbell.ring('jobs')
  }

  async #fetchReady(): Promise<void> {
    const ready = await readyQueues(this.#options.pool, [...this.#slots.keys()])
    for (const name of ready) {
      for (const id of this.#slots.get(name)!) this.#options.boss.notifyWorker(id)
    }
  }

  async #requeueLost(): Promise<void> {
    const ids = await requeueLost(this.#options.pool)
    if (ids.length === 0) return
    this.#options.log.warn({ ids }, 'jobs of lost workers queued again')
    this.#options.doorbell.ring('jobs')
  }
}
