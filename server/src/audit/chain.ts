import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import type { Doorbell } from '#kernel/doorbell.ts'
import { type Cursor, type EventLine, LOG_START, parsePlace, readLines } from '#kernel/events.ts'
import { Ticker } from '#kernel/ticker.ts'
import { linkHash, START_HASH } from './link.ts'

/** The last link of the chain, or where it begins. */
export interface Tip {
  sequence: number
  /** In hex. */
  hash: string
  place: Cursor
}

/** One process at a time makes links. */
const LOCK_KEY = 7_236_104_512
/** An open batch hides later events from all readers, so it is short: some 40 ms. */
const BATCH = 1_000
const LOOK_EVERY_MS = 1_000
/** What follows upon the first event is linked along with it, and nobody who waits for an answer waits for this. */
const AFTER_RING_MS = 250

/**
 * Links what has happened since the last link, behind the writers; at most one batch. The last link is the cursor: whatever ends this
 * process, the batch is there as a whole or not at all. Returns how many links were made.
 */
export async function chainBatch(ctx: Context): Promise<number> {
  return ctx.transaction(async ({ db }) => {
    const { rows } = await sql<{ mine: boolean }>`
      select pg_try_advisory_xact_lock(${LOCK_KEY}) as mine`.execute(db)
    if (!rows[0]!.mine) return 0
    const tip = await readTip(db)
    const lines = await readLines(db, tip.place, BATCH)
    if (lines.length > 0) await insertLinks(db, tip, lines)
    return lines.length
  })
}

/** Keeps the chain close behind the log, until disposed of. For a process that runs jobs. */
export function keepChain(ctx: Context, doorbell: Pick<Doorbell, 'answer'>): AsyncDisposable {
  const ticker: Ticker = new Ticker({
    ...{ name: 'chain the audit log', everyMs: LOOK_EVERY_MS, log: ctx.log },
    work: async () => {
      if ((await chainBatch(ctx)) === BATCH) ticker.nudge()
    },
  })
  const unanswer = doorbell.answer('events', () => ticker.nudgeIn(AFTER_RING_MS))
  ticker.start()
  return {
    [Symbol.asyncDispose]: async () => {
      unanswer()
      await ticker[Symbol.asyncDispose]()
    },
  }
}

/** The last link, or that of a sequence number; where the chain begins when there is none. */
export async function readTip(db: Db, sequence?: number): Promise<Tip> {
  const { rows } = await sql<Tip & Cursor>`
    select sequence::float8 as "sequence", encode(hash, 'hex') as "hash",
      epoch, xid::text as "xid", id::text as "id"
    from audit_chain
    where ${sequence === undefined ? sql`true` : sql`audit_chain.sequence = ${sequence}`}
    order by audit_chain.sequence desc limit 1`.execute(db)
  const [last] = rows
  if (!last) return { sequence: 0, hash: START_HASH, place: LOG_START }
  const { epoch, xid, id } = last
  return { sequence: last.sequence, hash: last.hash, place: { epoch, xid, id } }
}

async function insertLinks(db: Db, tip: Tip, lines: readonly EventLine[]): Promise<void> {
  let { hash } = tip
  const hashes = lines.map(({ line }) => (hash = linkHash(hash, line)))
  const places = lines.map(({ place }) => parsePlace(place))
  const column = <Key extends keyof Cursor>(key: Key) => places.map((place) => place[key])
  await sql`
    insert into audit_chain (sequence, epoch, xid, id, event_id, hash)
    select ${tip.sequence}::bigint + place, epoch, xid::xid8, id, event_id, decode(hash, 'hex')
    from unnest(${column('epoch')}::integer[], ${column('xid')}::text[], ${column('id')}::bigint[],
      ${lines.map(({ eventId }) => eventId)}::text[], ${hashes}::text[])
      with ordinality as link (epoch, xid, id, event_id, hash, place)`.execute(db)
}
