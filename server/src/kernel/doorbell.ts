import pg from 'pg'
import { clientConfig, type DatabaseAddress } from './db.ts'
import type { Logger } from './log.ts'

/** What there may be news of. */
export type Topic = 'events' | 'jobs' | 'tunnels'

export interface DoorbellOptions {
  address: DatabaseAddress
  role?: string
  /** Carries the outgoing calls. */
  pool: Pick<pg.Pool, 'query'>
  log: Logger
}

const CHANNEL = 'gantry'
/** NOTIFY takes a lock that all commits of the cluster share, so a process calls at most once in this time. */
const COALESCE_MS = 20
const FIRST_BACKOFF_MS = 100
const LONGEST_BACKOFF_MS = 10_000

/**
 * Tells all processes that there is something to read, by NOTIFY. A call may be lost, so whoever answers also looks on a clock.
 * One connection listens, from the first `answer` on, and is opened again when it is lost.
 */
export class Doorbell implements AsyncDisposable {
  readonly #options: DoorbellOptions
  readonly #answers = new Map<Topic, Set<() => void>>()
  readonly #rung = new Set<Topic>()
  #calling: NodeJS.Timeout | undefined
  #calledAt = -Infinity
  #listener: pg.Client | undefined
  #reconnecting: NodeJS.Timeout | undefined
  #failures = 0
  #closed = false

  constructor(options: DoorbellOptions) {
    this.#options = options
  }

  /** Wakes every process that answers to the topic, this one included. Never waits and never throws. */
  ring(topic: Topic): void {
    if (this.#closed) return
    this.#rung.add(topic)
    const waitMs = Math.max(0, this.#calledAt + COALESCE_MS - performance.now())
    this.#calling ??= setTimeout(() => void this.#call(), waitMs)
  }

  /** Calls `answer` at each ring and after each time that rings may have been missed, until the returned function is called. */
  answer(topic: Topic, answer: () => void): () => void {
    const answers = this.#answers.get(topic) ?? new Set()
    this.#answers.set(topic, answers.add(answer))
    if (!this.#listener && !this.#reconnecting && !this.#closed) this.#listen()
    return () => answers.delete(answer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearTimeout(this.#reconnecting)
    if (this.#calling) await this.#call()
    const listener = this.#listener
    this.#listener = undefined
    await listener?.end().catch(() => undefined)
  }

  async #call(): Promise<void> {
    clearTimeout(this.#calling)
    this.#calling = undefined
    this.#calledAt = performance.now()
    const topics = [...this.#rung].join(',')
    this.#rung.clear()
    await this.#options.pool
      .query('select pg_notify($1, $2)', [CHANNEL, topics])
      .catch((err) => this.#options.log.debug({ err, topics }, 'wake-up call failed'))
  }

  #listen(): void {
    const { address, role } = this.#options
    const client = new pg.Client({
      ...clientConfig(address, role),
      keepAliveInitialDelayMillis: 10_000,
    })
    this.#listener = client
    client.on('notification', ({ payload = '' }) => this.#answer(payload.split(',') as Topic[]))
    client.on('error', (error) => this.#lost(client, error))
    client.on('end', () => this.#lost(client))
    client
      .connect()
      .then(() => client.query(`listen ${CHANNEL}`))
      .then(() => {
        this.#failures = 0
        this.#answer([...this.#answers.keys()])
      })
      .catch((error) => this.#lost(client, error))
  }

  #answer(topics: Topic[]): void {
    if (this.#closed) return
    for (const topic of topics) this.#answers.get(topic)?.forEach((answer) => answer())
  }

  #lost(client: pg.Client, err?: Error): void {
    if (this.#closed || this.#listener !== client) return
    this.#listener = undefined
    client.end().catch(() => undefined)
    const waitMs = Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures++, LONGEST_BACKOFF_MS)
    this.#options.log.warn({ err, waitMs }, 'connection that listens was lost')
    this.#reconnecting = setTimeout(() => {
      this.#reconnecting = undefined
      this.#listen()
    }, waitMs)
  }
}
