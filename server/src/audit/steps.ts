import { sql } from 'kysely'
import type { Db } from '#kernel/db.ts'
import {
  comparePlaces,
  type Cursor,
  type EventLine,
  parsePlace,
  readLines,
} from '#kernel/events.ts'
import { inIndexOrder } from '#kernel/transaction.ts'

/** What a link says, in one text: sequence, event, hash and place, with blanks between. Compared as a whole: there are many. */
export function linkText(sequence: number, hash: string, { eventId, place }: EventLine): string {
  return `${sequence} ${eventId} ${hash} ${place}`
}

export function parseLink(text: string): { sequence: number; eventId: string; place: string } {
  const [sequence, eventId = '', , ...place] = text.split(' ')
  return { sequence: Number(sequence), eventId, place: place.join(' ') }
}

/** Links in order, and the events up to where the last of them says that it stands. */
interface Step {
  links: string[]
  lines: EventLine[]
}

const STEP = 4_000

/** Reads the chain and the log side by side; the next step is on its way while the caller looks at one. */
export async function* readSteps(
  db: Db,
  start: { sequence: number; place: Cursor },
  to: number,
): AsyncGenerator<Step> {
  let next = readStep(db, start, to)
  for (;;) {
    const step = await next
    const text = step.links.at(-1)
    if (text === undefined) return
    const { sequence, place } = parseLink(text)
    next = readStep(db, { sequence, place: parsePlace(place) }, to)
    // Whoever stops in between has no use for what it came to.
    next.catch(() => undefined)
    yield step
  }
}

async function readStep(
  db: Db,
  { sequence, place }: { sequence: number; place: Cursor },
  to: number,
): Promise<Step> {
  // One more than there are links shows what was put in.
  const [links, lines] = await Promise.all([
    readLinks(db, sequence, to),
    readLines(db, place, STEP + 1, { whole: true }),
  ])
  const last = links.at(-1)
  if (last === undefined) return { links, lines: [] }
  const end = parseLink(last).place
  while (lines.length > 0 && comparePlaces(lines.at(-1)!.place, end) > 0) lines.pop()
  return { links, lines }
}

/** In one text: a row for each would cost as much again. */
async function readLinks(db: Db, after: number, to: number): Promise<string[]> {
  const query = sql<{ links: string | null }>`
    select string_agg(link, E'\n') as "links" from (
      select concat_ws(' ', sequence, event_id, encode(hash, 'hex'), epoch, xid, id) as link
      from audit_chain where sequence > ${after} and sequence <= ${to}
      order by sequence limit ${STEP}) as step`
  const { rows } = await inIndexOrder(db, (tx) => query.execute(tx.withoutPlugins()))
  return rows[0]?.links?.split('\n') ?? []
}
