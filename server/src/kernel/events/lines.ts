import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../db.ts'
import type { Cursor } from './cursor.ts'

/** A place in the log. */
export type LinePlace = Cursor

/** Before all events. */
export const LOG_START: LinePlace = { epoch: 0, xid: '0', id: '0' }

/** One stored event as text: the same for as long as not a bit of it changes. */
export interface EventLine {
  epoch: number
  /** `xid` of the place; a text named so would be ordered as text. */
  xidText: string
  idText: string
  eventId: string
  /** A JSON array of everything that is stored but the personal part, of which the digest is in it. */
  line: string
  /** The personal part as it was written; null where there is none, or no more. */
  personal: string | null
  /** Of the personal part when it was written, in hex. */
  personalDigest: string | null
}

const TIME = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'

const LINE: RawBuilder<string> = sql`
  json_build_array(epoch, xid::text, id::text, event_id, kind, account_id, actor, data, target, result,
    encode(personal_digest, 'hex'), correlation_id, to_char(occurred_at at time zone 'utc', ${sql.lit(TIME)}))::text`

/**
 * The events after a place, in order, as far as nothing can still appear before them: with `upTo`, those up to that place included.
 * Names stay as they are here: the rows go past the plugins, of which there are many.
 */
export async function readLines(
  db: Db,
  after: LinePlace,
  limit: number,
  upTo?: LinePlace,
): Promise<EventLine[]> {
  const end = upTo
    ? sql`(epoch, xid, id) <= (${upTo.epoch}::integer, ${upTo.xid}::xid8, ${upTo.id}::bigint)`
    : sql`(epoch, xid) < (current_epoch(), pg_snapshot_xmin(pg_current_snapshot()))`
  const { rows } = await sql<EventLine>`
    select epoch, xid::text as "xidText", id::text as "idText", event_id as "eventId", ${LINE} as "line",
      personal::text as "personal", encode(personal_digest, 'hex') as "personalDigest"
    from events
    where (epoch, xid, id) > (${after.epoch}::integer, ${after.xid}::xid8, ${after.id}::bigint) and ${end}
    order by epoch, xid, id
    limit ${limit}`.execute(db.withoutPlugins())
  return rows
}
