import { z } from 'zod'
import type { Client } from './client.ts'
import type { Actor, Context } from './context.ts'

/** What came of what somebody wanted. */
export const eventResults = ['succeeded', 'refused', 'failed'] as const
export type EventResult = (typeof eventResults)[number]

/** A kind of fact: its name in the past tense and the shape of its data. */
export interface EventKind<Data extends z.ZodType = z.ZodType> {
  /** `noun.verb` in the past tense: `session.ended`. */
  readonly name: string
  /** One sentence for the event catalogue. */
  readonly summary: string
  readonly data: Data
  /** The member of the data that names what was acted on. */
  readonly target: string
  /** Members of the data that tell of a person; see `personal`. */
  readonly personal: readonly string[]
  result(data: z.output<Data>): EventResult
}

/** A fact that is about to be announced. */
export interface Fact {
  readonly kind: EventKind
  readonly data: unknown
}

/** For facts that are announced together. */
export function fact<Data extends z.ZodType>(kind: EventKind<Data>, data: z.input<Data>): Fact {
  return { kind, data }
}

/** One announced fact, as a reader gets it. */
export interface AnnouncedEvent {
  /** `evt_…`, unique for ever; what an idempotent reader keeps. */
  readonly eventId: string
  readonly kind: string
  readonly accountId: string | null
  readonly actor: Actor
  /** Without the members that tell of a person, once they are erased. */
  readonly data: unknown
  /** What was acted on, by its id or name. */
  readonly target: string | null
  readonly result: EventResult
  /** Where the request came from that caused it, if one did. */
  readonly client: Client | null
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

/** What a kind of event may say about itself beyond its data. */
export interface EventTraits<Data extends z.ZodType> {
  /** The member of the data that names what was acted on; `id` unless given. */
  readonly target?: keyof z.output<Data> & string
  /** `succeeded` unless given. */
  readonly result?: EventResult | ((data: z.output<Data>) => EventResult)
}

export function defineEvent<Data extends z.ZodType>(
  name: string,
  summary: string,
  data: Data,
  { target = 'id' as never, result = 'succeeded' }: EventTraits<Data> = {},
): EventKind<Data> {
  return {
    ...{ name, summary, data, target },
    personal: data instanceof z.ZodObject ? personalMembers(data) : [],
    result: typeof result === 'function' ? result : () => result,
  }
}

/**
 * Marks a member of an event's data as one that tells of a person, such as an e-mail address: it is kept apart from the rest, so that it
 * can be erased without a trace of change in the log.
 *
 * @example z.object({ userId: z.string(), email: personal(z.string()) })
 */
export function personal<Member extends z.ZodType>(member: Member): Member {
  return member.meta({ ...member.meta(), personal: true })
}

function personalMembers({ shape }: z.ZodObject): string[] {
  return Object.entries(shape)
    .filter(([, member]) => (member as z.ZodType).meta()?.personal === true)
    .map(([name]) => name)
}

export function defineReader(reader: Reader): Reader {
  return reader
}

export { makeEventPartitions, settleEpoch } from './events/epoch.ts'
export { erasePersonal } from './events/erase.ts'
export type { Cursor } from './events/cursor.ts'
export { comparePlaces, type EventLine, LOG_START, parsePlace, readLines } from './events/lines.ts'
export { EventLog, type EventLogParts } from './events/log.ts'
export { EventReaders, type EventReadersOptions, type ReaderState } from './events/readers.ts'
export { type EventFilter, type FoundEvent, searchEvents } from './events/search.ts'
