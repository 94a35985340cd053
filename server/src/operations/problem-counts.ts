import { sql } from 'kysely'
import type { Clock } from '#kernel/clock.ts'
import type { Db } from '#kernel/db.ts'
import type { Logger } from '#kernel/log.ts'
import type { CountedProblem } from '#kernel/telemetry.ts'
import { Ticker } from '#kernel/ticker.ts'

const FLUSH_MS = 10_000
const HOUR_MS = 60 * 60 * 1000
/** Codes and routes come from the code, so there are fewer; while the database is away, hours add up. */
const MAX_COUNTS = 5_000

interface Count extends CountedProblem {
  hour: Date
  count: number
}

/** Counts problems in memory and adds them to the table every 10 s: a killed process loses no more than that. */
export class ProblemCounts implements AsyncDisposable {
  readonly #db: Db
  readonly #clock: Clock
  readonly #log: Logger
  readonly #ticker: Ticker
  #counts = new Map<string, Count>()

  constructor(db: Db, clock: Clock, log: Logger) {
    this.#db = db
    this.#clock = clock
    this.#log = log
    const work = () => this.flush()
    this.#ticker = new Ticker({ name: 'count problems', everyMs: FLUSH_MS, log, work })
    this.#ticker.start()
  }

  readonly record = (problem: CountedProblem): void => {
    const now = this.#clock.now().getTime()
    this.#add({ ...problem, hour: new Date(now - (now % HOUR_MS)), count: 1 })
  }

  /** Adds what was counted since the last time; keeps it for the next time when the database refuses. */
  async flush(): Promise<void> {
    if (this.#counts.size === 0) return
    const counts = [...this.#counts]
    this.#counts = new Map()
    try {
      await this.#write(counts)
    } catch (error) {
      for (const [, count] of counts) this.#add(count)
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ticker[Symbol.asyncDispose]()
    await this.flush().catch((error: unknown) => {
      this.#log.warn({ err: error }, 'problem counts were lost')
    })
  }

  #add({ hour, code, status, route, count }: Count): void {
    const key = `${hour.getTime()} ${code} ${status} ${route}`
    const known = this.#counts.get(key)
    if (known) known.count += count
    else if (this.#counts.size < MAX_COUNTS) {
      this.#counts.set(key, { hour, code, status, route, count })
    }
  }

  /** In one order for all processes, so that two of them cannot wait for each other. */
  async #write(counts: [string, Count][]): Promise<void> {
    const rows = counts
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { count, ...rest }]) => ({ ...rest, count: String(count) }))
    await this.#db
      .insertInto('problemCounts')
      .values(rows)
      .onConflict((conflict) =>
        conflict
          .columns(['hour', 'code', 'route', 'status'])
          .doUpdateSet({ count: sql<string>`problem_counts.count + excluded.count` }),
      )
      .execute()
  }
}
