import type { Context } from '../context.ts'
import type { AnnouncedEvent, Reader } from '../events.ts'
import { within } from '../within.ts'
import { type HeldCursor, holdCursor, type LoggedEvent, moveCursor, readAfter } from './cursor.ts'

/** What one batch came to: whether to go on at once, after a wait for open transactions, or not before the next call. */
export type Outcome = 'more' | 'unsettled' | 'done'

/** An open batch hides later events from all other readers, so it ends early and the rest is a batch of its own. */
const BATCH_MS = 100
/** Shorter than the database lets a transaction idle. */
const HANDLE_DEADLINE_MS = 20_000

/** One transaction's worth of events. */
export class Batch {
  readonly #reader: Reader
  readonly #limit: number
  readonly #ending: () => boolean
  cursor: HeldCursor | undefined
  /** The event in hand, or the last that was. */
  event: AnnouncedEvent | undefined
  /** How many events came before it. */
  handled = 0

  constructor(reader: Reader, limit: number, ending: () => boolean) {
    this.#reader = reader
    this.#limit = limit
    this.#ending = ending
  }

  async run(ctx: Context): Promise<Outcome> {
    this.event = undefined
    this.cursor = await holdCursor(ctx.db, this.#reader.name)
    if (!this.cursor) return 'done'
    const events = await readAfter(ctx.db, this.cursor, this.#limit)
    const settled = events.filter(({ settled }) => settled)
    const last = await this.#handle(ctx, settled)
    if (last) await moveCursor(ctx.db, this.#reader.name, last.place)
    if (last !== settled.at(-1) || settled.length === this.#limit) return 'more'
    return settled.length < events.length ? 'unsettled' : 'done'
  }

  /** Returns the last event that was handled; not the last of all when the time was up. */
  async #handle(ctx: Context, events: LoggedEvent[]): Promise<LoggedEvent | undefined> {
    const endAt = performance.now() + BATCH_MS
    for (const [index, logged] of events.entries()) {
      this.handled = index
      this.event = logged.event
      if (this.#wants(logged.event)) await handle(ctx, this.#reader, logged.event)
      if (performance.now() > endAt || this.#ending()) return logged
    }
    return events.at(-1)
  }

  #wants({ kind }: AnnouncedEvent): boolean {
    return this.#reader.kinds?.includes(kind) ?? true
  }
}

async function handle(ctx: Context, reader: Reader, event: AnnouncedEvent): Promise<void> {
  const late = new AbortController()
  const acting = ctx.with({
    signal: AbortSignal.any([ctx.signal, late.signal]),
    accountId: event.accountId ?? undefined,
    correlationId: event.correlationId ?? ctx.correlationId,
  })
  if (await within(HANDLE_DEADLINE_MS, reader.handle(acting, event))) return
  late.abort()
  throw new Error(`not handled within ${HANDLE_DEADLINE_MS} ms`)
}
