import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../db.ts'
import { inIndexOrder } from '../transaction.ts'
import type { Cursor } from './cursor.ts'

/** Before all events. */
export const LOG_START: Cursor = { epoch: 0, xid: '0', id: '0' }

/** One stored event as text: the same for as long as not a bit of it changes. */
export interface EventLine {
  /** Its place in the log: epoch, transaction and id with blanks between. */
  place: string
  eventId: string
  /** A JSON array of everything that is stored but the personal part, of which the digest is in it. */
  line: string
  /** The personal part as it was written; null where there is none, or no more. */
  personal: string | null
  /** Of the personal part when it was written, in hex. */
  personalDigest: string | null
}

const TIME = sql.lit('YYYY-MM-DD"T"HH24:MI:SS.US"Z"')

const LINE: RawBuilder<string> = sql`
  json_build_array(epoch, xid::text, id::text, event_id, kind, account_id, actor, data, target, result,
    encode(personal_digest, 'hex'), correlation_id, to_char(occurred_at at time zone 'utc', ${TIME}))::text`

/** A select of its own, so that it is evaluated once. */
const SETTLED = sql<boolean>`
  (epoch, xid) < (select current_epoch(), pg_snapshot_xmin(pg_current_snapshot()))`

/** The events after a place, in order, as far as nothing can still appear before them; `whole` takes those beyond as well. */
export function readLines(
  db: Db,
  after: Cursor,
  limit: number,
  { whole = false }: { whole?: boolean } = {},
): Promise<EventLine[]> {
  return inIndexOrder(db, async (tx) => {
    // Past the plugins, since there are many rows: the names are as they shall be.
    const { rows } = await sql<EventLine>`
      select concat_ws(' ', epoch, xid, id) as "place", event_id as "eventId", ${LINE} as "line",
        personal::text as "personal", encode(personal_digest, 'hex') as "personalDigest"
      from events
      where (epoch, xid, id) > (${after.epoch}::integer, ${after.xid}::xid8, ${after.id}::bigint)
        and ${whole ? sql`true` : SETTLED}
      order by epoch, xid, id
      limit ${limit}`.execute(tx.withoutPlugins())
    return rows
  })
}

/** The place of a line, to read on from there. */
export function parsePlace(text: string): Cursor {
  const [epoch = '0', xid = '0', id = '0'] = text.split(' ')
  return { epoch: Number(epoch), xid, id }
}

/** Negative when the one comes before the other. */
export function comparePlaces(one: string, other: string): number {
  const [a, b] = [one, other].map((place) => place.split(' ').map(BigInt))
  const at = a!.findIndex((part, index) => part !== b![index])
  if (at < 0) return 0
  return a![at]! < b![at]! ? -1 : 1
}
