import { createHmac, timingSafeEqual } from 'node:crypto'
import { sql, type RawBuilder } from 'kysely'
import { z } from 'zod'
import { httpProblems } from './problems.ts'

/** A place in a list that is ordered by time and id: microsecond text, since a `Date` would lose three digits. */
export interface Place {
  time: string
  id: string
}

export const PageQuery = z.strictObject({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(20)
    .meta({ description: 'Items in a page' }),
  cursor: z
    .string()
    .max(500)
    .optional()
    .meta({ description: '`nextCursor` of the page before; absent for the first page' }),
})
export type PageQuery = z.output<typeof PageQuery>

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/
const ID = /^[\w-]{1,64}$/
const MAC_BYTES = 12

/** A page of `{ items, nextCursor }`. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().meta({ description: 'For the next page; null on the last' }),
  })
}

/** Writes and reads cursors; an edited or foreign one is refused. */
export class Cursors {
  readonly #key: Buffer

  constructor(key: Buffer) {
    this.#key = key
  }

  write(list: string, { time, id }: Place): string {
    return this.seal(list, `${time} ${id}`)
  }

  /** @throws problem `request.bad_cursor` */
  read(list: string, cursor: string | undefined): Place | undefined {
    if (cursor === undefined) return undefined
    const [time = '', id = ''] = this.open(list, cursor).split(' ')
    if (!TIME.test(time) || !ID.test(id)) throw httpProblems.badCursor()
    return { time, id }
  }

  /** The same for a place in a list of another order: any text. */
  seal(list: string, text: string): string {
    return `${Buffer.from(text).toString('base64url')}.${this.#mac(list, text).toString('base64url')}`
  }

  /** What was sealed for this list. @throws problem `request.bad_cursor` */
  open(list: string, cursor: string): string {
    const [encoded = ''] = cursor.split('.', 1)
    const text = Buffer.from(encoded, 'base64url').toString()
    const given = Buffer.from(cursor)
    // Compared as it is written, since base64 has many spellings of the same bytes.
    const wanted = Buffer.from(this.seal(list, text))
    const genuine = given.length === wanted.length && timingSafeEqual(given, wanted)
    if (!genuine) throw httpProblems.badCursor()
    return text
  }

  #mac(list: string, text: string): Buffer {
    return createHmac('sha256', this.#key)
      .update(`${list}\n${text}`)
      .digest()
      .subarray(0, MAC_BYTES)
  }
}

/** Selects a time as the text that a cursor holds: `2026-11-20T12:00:00.123456Z`. */
export function timeText(column: string): RawBuilder<string> {
  return sql<string>`to_char(${sql.ref(column)} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
}

/** The condition "older than this place" of a list that runs from the newest. */
export function olderThan(
  timeColumn: string,
  idColumn: string,
  { time, id }: Place,
): RawBuilder<boolean> {
  return sql<boolean>`(${sql.ref(timeColumn)}, ${sql.ref(idColumn)}) < (${time}::timestamptz, ${id})`
}

/** Cuts the one row too many that a query read, and tells where the next page starts. */
export function cutPage<Row>(
  rows: Row[],
  limit: number,
  place: (row: Row) => string,
): { rows: Row[]; nextCursor: string | null } {
  if (rows.length <= limit) return { rows, nextCursor: null }
  const kept = rows.slice(0, limit)
  return { rows: kept, nextCursor: place(kept.at(-1)!) }
}
