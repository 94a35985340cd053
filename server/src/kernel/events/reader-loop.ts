import type { Context } from '../context.ts'
import type { Reader } from '../events.ts'
import type { Situation } from '../kernel.ts'
import type { Logger } from '../log.ts'
import { within } from '../within.ts'
import { Batch, type Outcome } from './batch.ts'
import { noteFailure } from './cursor.ts'

export interface ReaderLoopOptions {
  reader: Reader
  contextFor: (situation: Situation) => Context
  log: Logger
}

const BATCH = 200
const FIRST_WAIT_MS = 10
const LONGEST_WAIT_MS = 1000

/**
 * Runs one reader for as long as there is something to read. Each batch of events and the move of the cursor are one transaction; when
 * an event fails, the batch is undone and read again up to that event, so that it alone is tried again and again.
 */
export class ReaderLoop {
  readonly #options: ReaderLoopOptions
  readonly #stopping = new AbortController()
  #limit = BATCH
  #waitMs = FIRST_WAIT_MS
  #waiting: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #again = false
  #ending = false

  constructor(options: ReaderLoopOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.reader.name
  }

  /** Whether there may be something for it in events of these kinds. */
  wants(kinds: ReadonlySet<string>): boolean {
    return this.#options.reader.kinds?.some((kind) => kinds.has(kind)) ?? true
  }

  nudge(): void {
    if (this.#ending) return
    clearTimeout(this.#waiting)
    this.#again = true
    this.#running ??= this.#run()
  }

  /** Finishes the event in hand; its signal is aborted after `graceMs`, and half a second later it is left to itself. */
  async stop(graceMs: number): Promise<void> {
    this.#ending = true
    clearTimeout(this.#waiting)
    if (await within(graceMs, this.#running)) return
    this.#stopping.abort(new Error('the process is stopping'))
    if (await within(500, this.#running)) return
    this.#options.log.error({ reader: this.name }, 'event reader did not stop')
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#ending) {
      this.#again = false
      const outcome = await this.#batch()
      if (outcome === 'more') this.#again = true
      if (outcome === 'unsettled') this.#wait()
      else this.#waitMs = FIRST_WAIT_MS
    }
    this.#running = undefined
  }

  /** What is read next depends on transactions that are open: nobody tells when they end. */
  #wait(): void {
    this.#waiting = setTimeout(() => this.nudge(), this.#waitMs)
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS)
  }

  async #batch(): Promise<Outcome> {
    const actor = { kind: 'system', name: `reader:${this.name}` } as const
    const batch = new Batch(this.#options.reader, this.#limit, () => this.#ending)
    const ctx = this.#options.contextFor({ actor, signal: this.#stopping.signal })
    try {
      const outcome = await ctx.transaction((ctx) => batch.run(ctx))
      this.#limit = BATCH
      return outcome
    } catch (error) {
      return this.#failed(ctx, batch, error as Error)
    }
  }

  async #failed(ctx: Context, batch: Batch, error: Error): Promise<Outcome> {
    const { event, handled, cursor } = batch
    const { log } = this.#options
    if (this.#stopping.signal.aborted) return 'done'
    if (!event || !cursor) {
      log.warn({ err: error, reader: this.name }, 'event reader could not read')
      return 'done'
    }
    this.#limit = handled || BATCH
    if (handled > 0) return 'more'

    const failures = await noteFailure(ctx.db, this.name, cursor, error).catch(() => undefined)
    const { eventId, kind } = event
    log.error({ err: error, reader: this.name, eventId, kind, failures }, 'event reader failed')
    return 'done'
  }
}
