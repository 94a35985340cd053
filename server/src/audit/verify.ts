import type { Db } from '#kernel/db.ts'
import { type EventLine, type LinePlace, readLines } from '#kernel/events.ts'
import { readTip } from './chain.ts'
import { type BadRow, checkHeads, type Witness } from './check-heads.ts'
import { linkHash, textHash } from './link.ts'
import { type Link, placeOf, readSteps } from './steps.ts'

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
  const unchained = walk.bad ? 0 : (await readLines(db, walk.place, MAX_UNCHAINED)).length
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
  place: LinePlace
  rows = 0
  erased = 0
  bad: BadRow | undefined
  #hash: string
  /** The last link that a head has vouched for. */
  #vouched: number
  readonly #heads: ReadonlyMap<number, Witness[]>

  constructor(
    start: { sequence: number; hash: string; place: LinePlace },
    heads: ReadonlyMap<number, Witness[]>,
  ) {
    this.sequence = start.sequence
    this.#vouched = start.sequence
    this.#hash = start.hash
    this.place = start.place
    this.#heads = heads
  }

  take(links: readonly Link[], lines: readonly EventLine[]): void {
    for (let at = 0; at < Math.max(links.length, lines.length) && !this.bad; at++) {
      this.bad = this.#judge(links[at], lines[at])
    }
  }

  #judge(link: Link | undefined, line: EventLine | undefined): BadRow | undefined {
    const sequence = this.sequence + 1
    if (!link) return { sequence, what: `${line!.eventId} stands before it and was put in later` }
    if (link.sequence !== sequence) return { sequence, what: 'its link is not in the chain' }
    const hash = line && line.eventId === link.eventId && linkHash(this.#hash, line.line)
    if (hash !== link.hash) return { sequence, eventId: link.eventId, what: whatIsWrong(link, line) }
    const what = personalFault(line!)
    if (what) return { sequence, eventId: link.eventId, what }
    this.#pass(link, line!)
    return this.#askHead()
  }

  #pass(link: Link, { personal, personalDigest }: EventLine): void {
    this.sequence = link.sequence
    this.place = placeOf(link)
    this.#hash = link.hash
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

function whatIsWrong(link: Link, line: EventLine | undefined): string {
  const order = line ? comparePlaces(line, link) : 1
  if (order > 0) return 'its event is gone, or stands elsewhere'
  if (order < 0) return `${line!.eventId} stands before it and was put in later`
  if (line!.eventId !== link.eventId) return `${line!.eventId} stands in its place`
  return 'its event or its hash was changed'
}

function personalFault({ personal, personalDigest }: EventLine): string | undefined {
  if (personal === null) return undefined
  if (personalDigest !== null && textHash(personal) === personalDigest) return undefined
  return 'what it tells of a person was changed'
}

function comparePlaces(one: EventLine | Link, other: EventLine | Link): number {
  const steps = [
    one.epoch - other.epoch,
    Number(BigInt(one.xidText) - BigInt(other.xidText)),
    Number(BigInt(one.idText) - BigInt(other.idText)),
  ]
  return steps.find((step) => step !== 0) ?? 0
}
