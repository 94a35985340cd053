import type { z } from 'zod'
import type { Actor, Context } from './context.ts'

/** A kind of fact: its name in the past tense and the shape of its data. */
export interface EventKind<Data extends z.ZodType = z.ZodType> {
  /** `noun.verb` in the past tense: `session.ended`. */
  readonly name: string
  /** One sentence for the event catalogue. */
  readonly summary: string
  readonly data: Data
}

/** One announced fact, as a reader gets it. */
export interface AnnouncedEvent {
  /** `evt_…`, unique for ever; what an idempotent reader keeps. */
  readonly eventId: string
  readonly kind: string
  readonly accountId: string | null
  readonly actor: Actor
  readonly data: unknown
  readonly correlationId: string | null
  readonly occurredAt: Date
}

/** Follows the log with a cursor of its own. */
export interface Reader {
  /** `capability.verb_noun`; the cursor is kept under it. */
  readonly name: string
  /** Only these kinds are handed over; all when absent. */
  readonly kinds?: readonly string[]
  /** Where a new reader starts: at the first event ever, or after those that are there. */
  readonly from: 'beginning' | 'now'
  /** Runs in the transaction that moves the cursor, in order, one event at a time; may run again for the same event. */
  handle(ctx: Context, event: AnnouncedEvent): Promise<void>
}

export function defineEvent<Data extends z.ZodType>(
  name: string,
  summary: string,
  data: Data,
): EventKind<Data> {
  return { name, summary, data }
}

export function defineReader(reader: Reader): Reader {
  return reader
}

export { makeEventPartitions, settleEpoch } from './events/epoch.ts'
export { EventLog, type EventLogParts } from './events/log.ts'
export { EventReaders, type EventReadersOptions, type ReaderState } from './events/readers.ts'
