import { sql } from 'kysely'
import type { Db } from '#kernel/db.ts'
import { type EventLine, type LinePlace, readLines } from '#kernel/events.ts'

/** A link as it is stored. */
export interface Link {
  sequence: number
  eventId: string
  /** In hex. */
  hash: string
  epoch: number
  xidText: string
  idText: string
}

/** Links in order, and the events that stand where these links say. */
interface Step {
  links: Link[]
  lines: EventLine[]
}

const STEP = 4_000

/** Reads the chain and the log side by side; the next step is on its way while the caller looks at one. */
export async function* readSteps(
  db: Db,
  start: { sequence: number; place: LinePlace },
  to: number,
): AsyncGenerator<Step> {
  let next = readStep(db, start, to)
  for (;;) {
    const step = await next
    const last = step.links.at(-1)
    if (!last) return
    next = readStep(db, { sequence: last.sequence, place: placeOf(last) }, to)
    // Whoever stops in between has no use for what it came to.
    next.catch(() => undefined)
    yield step
  }
}

export function placeOf({ epoch, xidText, idText }: Link): LinePlace {
  return { epoch, xid: xidText, id: idText }
}

async function readStep(
  db: Db,
  { sequence, place }: { sequence: number; place: LinePlace },
  to: number,
): Promise<Step> {
  const { rows: links } = await sql<Link>`
    select sequence::float8 as "sequence", event_id as "eventId", encode(hash, 'hex') as "hash",
      epoch, xid::text as "xidText", id::text as "idText"
    from audit_chain where audit_chain.sequence > ${sequence} and audit_chain.sequence <= ${to}
    order by audit_chain.sequence limit ${STEP}`.execute(db.withoutPlugins())
  const last = links.at(-1)
  // One more than there are links shows what was put in.
  const lines = last ? await readLines(db, place, links.length + 1, placeOf(last)) : []
  return { links, lines }
}
