import { sql } from 'kysely'
import type { Actor } from '../context.ts'
import type { Db } from '../db.ts'
import type { AnnouncedEvent, Reader } from '../events.ts'
import { scrub } from '../log.ts'
import { type PersonalPart, putTogether } from './personal.ts'

/** A place in the log. `xid` and `id` are text: both may exceed a safe number. */
export interface Cursor {
  epoch: number
  xid: string
  id: string
}

/** A reader's place, held by a row lock, and what may be read: every transaction below the horizon has ended. */
export interface HeldCursor extends Cursor {
  horizonEpoch: number | null
  horizon: string
}

export interface LoggedEvent {
  event: AnnouncedEvent
  place: Cursor
  /** Whether nothing can still appear before it. */
  settled: boolean
}

/** Puts a new reader at the first event ever, or at the oldest transaction that is still open. */
export async function registerReader(db: Db, { name, from }: Reader): Promise<void> {
  await sql`
    insert into event_readers (name, epoch, xid, id)
    select ${name},
      case when ${from} = 'now' then coalesce(current_epoch(), 0) else 0 end,
      case when ${from} = 'now' then pg_snapshot_xmin(pg_current_snapshot()) else '0' end,
      0
    on conflict do nothing`.execute(db)
}

/** A reader that has not read the newest event, and is not waiting after a failure. */
export interface ReaderBehind extends Cursor {
  name: string
}

/** Those among `names`; the one that is furthest behind comes first. */
export async function readersBehind(db: Db, names: readonly string[]): Promise<ReaderBehind[]> {
  // The texts have names of their own: ordering by a text named xid would sort as text.
  const { rows } = await sql<{ name: string; epoch: number; xidText: string; idText: string }>`
    with newest as (select epoch, xid, id from events order by epoch desc, xid desc, id desc limit 1)
    select reader.name, reader.epoch, reader.xid::text as "xidText", reader.id::text as "idText"
    from event_readers reader, newest
    where reader.name = any(${names})
      and (reader.epoch, reader.xid, reader.id) < (newest.epoch, newest.xid, newest.id)
      and (reader.retry_at is null or reader.retry_at <= now())
    order by reader.epoch, reader.xid, reader.id`.execute(db)
  return rows.map(({ name, epoch, xidText, idText }) => ({ name, epoch, xid: xidText, id: idText }))
}

/** The kinds of all events after a place, settled or not; undefined when there are more than `limit` events. */
export async function kindsAfter(
  db: Db,
  { epoch, xid, id }: Cursor,
  limit: number,
): Promise<ReadonlySet<string> | undefined> {
  const { rows } = await sql<{ kind: string; events: number }>`
    select kind, count(*)::int as events from (
      select kind from events
      where (epoch, xid, id) > (${epoch}::integer, ${xid}::xid8, ${id}::bigint)
      order by epoch, xid, id
      limit ${limit + 1}
    ) later group by kind`.execute(db)
  const many = rows.reduce((sum, { events }) => sum + events, 0)
  return many > limit ? undefined : new Set(rows.map(({ kind }) => kind))
}

/** Takes the reader for this transaction; undefined when another process has it or it waits after a failure. */
export async function holdCursor(tx: Db, name: string): Promise<HeldCursor | undefined> {
  const { rows } = await sql<HeldCursor>`
    select epoch, xid::text as "xid", id::text as "id",
      current_epoch() as "horizonEpoch", pg_snapshot_xmin(pg_current_snapshot())::text as "horizon"
    from event_readers
    where name = ${name} and (retry_at is null or retry_at <= now())
    for update skip locked`.execute(tx)
  return rows[0]
}

/** The next events in order. Those that are not settled come last, and only tell that there is more to wait for. */
export async function readAfter(
  tx: Db,
  { epoch, xid, id, horizonEpoch, horizon }: HeldCursor,
  limit: number,
): Promise<LoggedEvent[]> {
  // The texts have names of their own: ordering by a text named xid would sort as text.
  const { rows } = await sql<EventRow>`
    select epoch, xid::text as "xidText", id::text as "idText",
      (epoch, xid) < (${horizonEpoch}::integer, ${horizon}::xid8) as "settled",
      event_id as "eventId", kind, account_id as "accountId", actor, data, target, result, personal,
      correlation_id as "correlationId", occurred_at as "occurredAt"
    from events
    where (epoch, xid, id) > (${epoch}::integer, ${xid}::xid8, ${id}::bigint)
    order by epoch, xid, id
    limit ${limit}`.execute(tx)
  return rows.map(({ epoch, xidText, idText, settled, personal, ...event }) => ({
    event: { ...event, ...putTogether(event.data, personal) },
    settled: settled === true,
    place: { epoch, xid: xidText, id: idText },
  }))
}

interface EventRow extends Omit<AnnouncedEvent, 'actor' | 'client'> {
  epoch: number
  xidText: string
  idText: string
  settled: boolean | null
  actor: Actor
  personal: PersonalPart | null
}

export async function moveCursor(tx: Db, name: string, to: Cursor): Promise<void> {
  await sql`
    update event_readers set epoch = ${to.epoch}, xid = ${to.xid}::xid8, id = ${to.id}::bigint,
      updated_at = now(), failures = 0, last_error = null, retry_at = null
    where name = ${name}`.execute(tx)
}

const LONGEST_ERROR = 500

/** Notes a failed try of the event after `at` and lets the reader wait: 1 s, doubled with each failure, up to 60 s. Nothing if it has moved. */
export async function noteFailure(db: Db, name: string, at: Cursor, error: Error): Promise<number> {
  const { rows } = await sql<{ failures: number }>`
    update event_readers set failures = failures + 1, updated_at = now(),
      last_error = ${scrub(error.message).slice(0, LONGEST_ERROR)},
      retry_at = now() + least(60, 2 ^ least(failures, 6)) * interval '1 second'
    where name = ${name} and epoch = ${at.epoch} and xid = ${at.xid}::xid8 and id = ${at.id}::bigint
    returning failures`.execute(db)
  return rows[0]?.failures ?? 0
}
