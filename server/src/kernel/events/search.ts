import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../db.ts'
import type { AnnouncedEvent, EventResult } from '../events.ts'
import { olderThan, type Place, timeText } from '../http/cursor.ts'
import { type PersonalPart, putTogether } from './personal.ts'

/** What is looked for; every member that is given must fit. */
export interface EventFilter {
  eventId?: string
  /** A user, with all that their keys did; a key; or the name of a part of the product. */
  actor?: string
  /** `session.ended`, or `session.*` for all that begin so. */
  kind?: string
  target?: string
  accountId?: string
  result?: EventResult
  address?: string
  correlationId?: string
  /** Included. */
  from?: Date
  /** Not included. */
  to?: Date
  /** Words and numbers, all of which are in the values of the data. */
  words?: string
  /** A user who caused it, or whom it is about. */
  about?: string
}

export interface FoundEvent extends AnnouncedEvent {
  place: Place
  /** Whether something that told of a person was erased. */
  isErased: boolean
}

type Row = Omit<AnnouncedEvent, 'client'> & {
  personal: PersonalPart | null
  wasPersonal: boolean
  time: string
}

/** The newest first, those older than `before`; with `oldestFirst`, those younger than it. */
export async function searchEvents(
  db: Db,
  filter: EventFilter,
  {
    limit,
    before,
    oldestFirst = false,
  }: { limit: number; before?: Place | undefined; oldestFirst?: boolean },
): Promise<FoundEvent[]> {
  const order = sql.raw(oldestFirst ? 'asc' : 'desc')
  const { rows } = await sql<Row>`
    select event_id as "eventId", kind, account_id as "accountId", actor, data, target, result, personal,
      personal_digest is not null as "wasPersonal", correlation_id as "correlationId",
      occurred_at as "occurredAt", ${timeText('occurred_at')} as "time"
    from events
    where ${sql.join([...conditions(filter), ...startOf(before, oldestFirst)], sql` and `)}
    order by occurred_at ${order}, event_id ${order}
    limit ${limit}`.execute(db.withoutPlugins())
  return rows.map(({ personal, wasPersonal, time, ...event }) => ({
    ...event,
    ...putTogether(event.data, personal),
    place: { time, id: event.eventId },
    isErased: wasPersonal && personal === null,
  }))
}

function startOf(before: Place | undefined, oldestFirst: boolean): RawBuilder<boolean>[] {
  if (!before) return []
  if (!oldestFirst) return [olderThan('occurred_at', 'event_id', before)]
  return [sql`(occurred_at, event_id) > (${before.time}::timestamptz, ${before.id})`]
}

function conditions(filter: EventFilter): RawBuilder<boolean>[] {
  const equal: [string, string | undefined][] = [
    ['event_id', filter.eventId],
    ['target', filter.target],
    ['account_id', filter.accountId],
    ['result', filter.result],
    ['correlation_id', filter.correlationId],
  ]
  return [
    sql<boolean>`true`,
    ...equal.flatMap(([column, value]) =>
      value === undefined ? [] : [sql<boolean>`${sql.ref(column)} = ${value}`],
    ),
    ...given(filter.actor, byActor),
    ...given(filter.kind, byKind),
    ...given(
      filter.address,
      (address) => sql`personal is not null and personal->>'address' = ${address}`,
    ),
    ...given(filter.from, (from) => sql`occurred_at >= ${from}`),
    ...given(filter.to, (to) => sql`occurred_at < ${to}`),
    ...given(
      filter.words,
      (words) => sql`
      jsonb_to_tsvector('simple', data, '["string", "numeric"]') @@ plainto_tsquery('simple', ${words})`,
    ),
    ...given(filter.about, (user) => sql`(actor->>'userId' = ${user} or target = ${user})`),
  ]
}

function given<Value>(
  value: Value | undefined,
  condition: (value: Value) => RawBuilder<boolean>,
): RawBuilder<boolean>[] {
  return value === undefined ? [] : [condition(value)]
}

function byActor(actor: string): RawBuilder<boolean> {
  if (actor.startsWith('usr_')) return sql`actor->>'userId' = ${actor}`
  if (actor.startsWith('key_')) return sql`actor->>'keyId' = ${actor}`
  return sql`actor->>'name' = ${actor}`
}

function byKind(kind: string): RawBuilder<boolean> {
  if (!kind.endsWith('*')) return sql`kind = ${kind}`
  return sql`kind like ${`${kind.slice(0, -1).replace(/[\\%_]/g, '\\$&')}%`}`
}
