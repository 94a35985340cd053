import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import { fitting } from './fitting.ts'

/** What can happen in a session. A `gap` tells a subscriber that it has missed something. */
export type FeedKind =
  | 'state'
  | 'console'
  | 'network'
  | 'dialog'
  | 'download'
  | 'lifecycle'
  | 'command'
  | 'control'
  | 'egress'
  | 'gap'

export interface FeedEvent {
  /** Increases within the session, also over a restart of the process; not by one. */
  readonly id: number
  /** ISO 8601, UTC. */
  readonly at: string
  readonly kind: FeedKind
  /** Of a `gap`: `missing`, how many events are gone, or null when that is not known. */
  readonly data: Readonly<Record<string, unknown>>
}

export interface FeedOptions {
  clock: Clock
  log: Logger
  /** Of the events kept for those who come back. */
  maxEvents?: number
  maxBytes?: number
}

export interface SubscribeOptions {
  /** The last event that the subscriber has; 0 for all that are kept. Without it only what is new comes. */
  after?: number
  /** All when absent. A gap comes in any case. */
  kinds?: ReadonlySet<FeedKind>
}

/** An event, and of a `gap` which kinds are missing; that is for choosing its subscribers, and is not told. */
interface Told {
  event: FeedEvent
  missing?: readonly FeedKind[]
}

interface Kept extends Told {
  bytes: number
}

interface Subscriber {
  kinds: ReadonlySet<FeedKind> | undefined
  listener: (event: FeedEvent) => void
  /** So that what came in by replay does not come again. */
  lastId: number
}

const MAX_EVENTS = 2_000
const MAX_BYTES = 2 * 1024 * 1024
const MAX_EVENT_BYTES = 16 * 1024
// Ids start at the time in microseconds: those of a feed that a restarted process opens lie above the old ones.
const IDS_PER_MS = 1_000

/**
 * All that happens in one session, in one order. The newest events are kept, at most 2,000 and 2 MiB.
 *
 * Listeners run inside `publish`: a slow subscriber has to keep its own bounded queue. One that throws is dropped.
 */
export class SessionFeed {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #maxEvents: number
  readonly #maxBytes: number
  readonly #firstId: number
  readonly #subscribers = new Set<Subscriber>()
  readonly #kept: Kept[] = []
  #keptBytes = 0
  #lastId: number
  /** Published, and not yet told to everybody. */
  readonly #telling: Told[] = []

  constructor({ clock, log, maxEvents = MAX_EVENTS, maxBytes = MAX_BYTES }: FeedOptions) {
    this.#clock = clock
    this.#log = log
    this.#maxEvents = maxEvents
    this.#maxBytes = maxBytes
    this.#firstId = clock.now().getTime() * IDS_PER_MS
    this.#lastId = this.#firstId - 1
  }

  /** Of the newest event: what to give as `after` to see everything from here on. */
  get lastId(): number {
    return this.#lastId
  }

  /** Data of more than 16 KiB of JSON is cut, and says `truncated: true`. */
  publish(kind: Exclude<FeedKind, 'gap'>, data: Readonly<Record<string, unknown>>): FeedEvent {
    return this.#publish(kind, data)
  }

  /** For a while nobody has listened for these kinds: tells so, in its place, whoever wants one of them. */
  break(kinds: readonly FeedKind[]): void {
    if (kinds.length > 0) this.#publish('gap', { missing: null }, kinds)
  }

  /** Replays what came after `after`, then goes on live, without loss or repetition. */
  subscribe({ after, kinds }: SubscribeOptions, listener: (event: FeedEvent) => void): Disposable {
    const subscriber = { kinds, listener, lastId: after ?? this.#lastId }
    this.#subscribers.add(subscriber)
    if (after !== undefined) this.#replay(subscriber, after)
    return { [Symbol.dispose]: () => void this.#subscribers.delete(subscriber) }
  }

  #publish(
    kind: FeedKind,
    data: Readonly<Record<string, unknown>>,
    missing?: readonly FeedKind[],
  ): FeedEvent {
    const fit = fitting(data, MAX_EVENT_BYTES)
    const at = this.#clock.now().toISOString()
    const event: FeedEvent = { id: ++this.#lastId, at, kind, data: fit.value }
    const told: Told = { event, ...(missing && { missing }) }
    this.#keep({ ...told, bytes: fit.bytes })
    // An event that a listener publishes comes after this one for everybody.
    if (this.#telling.push(told) > 1) return event
    while (this.#telling.length > 0) {
      for (const subscriber of this.#subscribers) this.#tell(subscriber, this.#telling[0]!)
      this.#telling.shift()
    }
    return event
  }

  #keep(kept: Kept): void {
    this.#kept.push(kept)
    this.#keptBytes += kept.bytes
    while (this.#kept.length > this.#maxEvents || this.#keptBytes > this.#maxBytes) {
      this.#keptBytes -= this.#kept.shift()!.bytes
    }
  }

  #replay(subscriber: Subscriber, after: number): void {
    const firstKept = this.#kept[0]?.event.id ?? this.#lastId + 1
    const known = after === 0 || (after >= this.#firstId - 1 && after <= this.#lastId)
    const missing = known ? firstKept - 1 - Math.max(after, this.#firstId - 1) : null
    subscriber.lastId = Math.max(known ? after : 0, firstKept - 1)
    if (missing === null || missing > 0) this.#tellGap(subscriber, missing, firstKept - 1)
    for (const kept of [...this.#kept]) this.#tell(subscriber, kept)
  }

  #tellGap(subscriber: Subscriber, missing: number | null, id: number): void {
    const at = this.#clock.now().toISOString()
    this.#call(subscriber, { id, at, kind: 'gap', data: { missing } })
    subscriber.lastId = id
  }

  #tell(subscriber: Subscriber, { event, missing = [event.kind] }: Told): void {
    if (event.id <= subscriber.lastId) return
    subscriber.lastId = event.id
    const { kinds } = subscriber
    if (kinds && !missing.some((kind) => kinds.has(kind))) return
    this.#call(subscriber, event)
  }

  #call(subscriber: Subscriber, event: FeedEvent): void {
    if (!this.#subscribers.has(subscriber)) return
    try {
      subscriber.listener(event)
    } catch (error) {
      this.#subscribers.delete(subscriber)
      this.#log.warn({ err: error, kind: event.kind }, 'a subscriber of a session failed')
    }
  }
}
