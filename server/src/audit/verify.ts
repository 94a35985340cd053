import type { Db } from '#kernel/db.ts'
import { comparePlaces, type EventLine, parsePlace, readLines } from '#kernel/events.ts'
import { readTip, type Tip } from './chain.ts'
import { type BadRow, checkHeads, type Witness } from './check-heads.ts'
import { linkHash, textHash } from './link.ts'
import { linkText, parseLink, readSteps } from './steps.ts'

export interface VerifyOptions {
  /** First sequence number; 1 unless given. */
  from?: number | undefined
  /** Last one; the newest unless given. */
  to?: number | undefined
  /** Signed heads that the chain has to agree with. */
  witnesses: readonly Witness[]
  /** Public keys that count, by id. */
  keys: ReadonlyMap<string, Buffer>
  signal?: AbortSignal
  onProgress?: (done: number) => Promise<void>
}

/** What a verification came to. */
export interface Verification {
  from: number
  to: number
  /** Rows that are as they were. */
  rows: number
  /** Of those, how many have had their personal part erased. */
  erased: number
  /** Heads that were compared. */
  heads: number
  /** Events that no link covers yet; 1,000 stands for that or more. */
  unchained: number
  /** The first row that is not as it was. */
  bad?: BadRow
}

const MAX_UNCHAINED = 1_000

/**
 * Compares every event with its link, every link with the one before, and the chain with the signed heads. Names the first row that
 * was changed, taken away, put in, put elsewhere or cut off. Reads a few thousand rows at a time and changes nothing.
 */
export async function verifyChain(db: Db, options: VerifyOptions): Promise<Verification> {
  const { from = 1, to = Number.MAX_SAFE_INTEGER, witnesses, keys } = options
  const heads = checkHeads(witnesses, keys, { from, to })
  const start = await readTip(db, from - 1)
  if (from > 1 && start.sequence === 0) return startMissing(from)
  const walk = new Walk(start, heads.bySequence)
  for await (const { links, lines } of readSteps(db, start, to)) {
    options.signal?.throwIfAborted()
    walk.take(links, lines)
    if (walk.bad) break
    await options.onProgress?.(walk.rows)
  }
  const unchained = walk.bad
    ? 0
    : (await readLines(db, parsePlace(walk.place), MAX_UNCHAINED)).length
  const found = [walk.bad, heads.bad, walk.bad ? undefined : heads.beyond(walk.sequence)]
  const [bad] = found.filter((one) => one !== undefined).sort((a, b) => a.sequence - b.sequence)
  return {
    ...{ from, to: walk.sequence, rows: walk.rows, erased: walk.erased, unchained },
    ...{ heads: heads.count, ...(bad && { bad }) },
  }
}

function startMissing(from: number): Verification {
  const bad = { sequence: from - 1, what: 'is not in the chain, so nothing after it can be judged' }
  return { from, to: from - 1, rows: 0, erased: 0, heads: 0, unchained: 0, bad }
}

/** Goes along the chain and its events. */
class Walk {
  sequence: number
  /** Of the last event that is as it was. */
  place: string
  rows = 0
  erased = 0
  bad: BadRow | undefined
  #hash: string
  /** The last link that a head has vouched for. */
  #vouched: number
  readonly #heads: ReadonlyMap<number, Witness[]>

  constructor(start: Tip, heads: ReadonlyMap<number, Witness[]>) {
    this.sequence = start.sequence
    this.#vouched = start.sequence
    this.#hash = start.hash
    this.place = `${start.place.epoch} ${start.place.xid} ${start.place.id}`
    this.#heads = heads
  }

  take(links: readonly string[], lines: readonly EventLine[]): void {
    for (let at = 0; at < Math.max(links.length, lines.length) && !this.bad; at++) {
      this.bad = this.#judge(links[at], lines[at])
    }
  }

  #judge(link: string | undefined, line: EventLine | undefined): BadRow | undefined {
    const sequence = this.sequence + 1
    const hash = line && linkHash(this.#hash, line.line)
    if (link === undefined || !hash || link !== linkText(sequence, hash, line)) {
      return whatIsWrong(sequence, link, line)
    }
    if (!isPersonalWhole(line)) {
      return { sequence, eventId: line.eventId, what: 'what it tells of a person was changed' }
    }
    this.#pass(sequence, hash, line)
    return this.#askHead()
  }

  #pass(sequence: number, hash: string, { place, personal, personalDigest }: EventLine): void {
    this.sequence = sequence
    this.place = place
    this.#hash = hash
    this.rows++
    if (personal === null && personalDigest !== null) this.erased++
  }

  /** A chain that was made anew from some row on fits in itself, and no longer its heads. */
  #askHead(): BadRow | undefined {
    const witnesses = this.#heads.get(this.sequence)
    if (!witnesses) return undefined
    const first = this.#vouched + 1
    this.#vouched = this.sequence
    const witness = witnesses.find(({ head }) => head.hash !== this.#hash)
    if (!witness) return undefined
    const { head, source } = witness
    const what = `the chain was made anew somewhere from here to ${this.sequence}: it does not end as the head of ${head.day} (${source}) says`
    return { sequence: first, what }
  }
}

/** Looks closer at a link and an event that do not belong together, at least one of which is there. */
function whatIsWrong(
  sequence: number,
  text: string | undefined,
  line: EventLine | undefined,
): BadRow {
  const putIn = `${line?.eventId} stands before it and was put in later`
  if (text === undefined) return { sequence, what: putIn }
  const link = parseLink(text)
  if (link.sequence !== sequence) return { sequence, what: 'its link is not in the chain' }
  const { eventId } = link
  const order = line ? comparePlaces(line.place, link.place) : 1
  if (order > 0) return { sequence, eventId, what: 'its event is gone, or stands elsewhere' }
  if (order < 0) return { sequence, eventId, what: putIn }
  if (line!.eventId !== eventId) {
    return { sequence, eventId, what: `${line!.eventId} stands in its place` }
  }
  return { sequence, eventId, what: 'its event or its hash was changed' }
}

function isPersonalWhole({ personal, personalDigest }: EventLine): boolean {
  return personal === null || textHash(personal) === personalDigest
}
