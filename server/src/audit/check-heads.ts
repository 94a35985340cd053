import { isSigned } from './heads.ts'
import type { AuditHead } from './schema.ts'

/** A signed head, and where it was kept: `the database`, `the object store`, or the name of a file. */
export interface Witness {
  head: AuditHead
  source: string
}

export const DATABASE = 'the database'

/** A row that is not as it was, and what is wrong with it. */
export interface BadRow {
  sequence: number
  eventId?: string
  what: string
}

interface CheckedHeads {
  /** Heads whose signature counts, by their last sequence number. */
  bySequence: ReadonlyMap<number, Witness[]>
  count: number
  /** The first head that is not as it was. */
  bad: BadRow | undefined
  /** The row that is missing when the chain ends before a head says that it did. */
  beyond(last: number): BadRow | undefined
}

/** Looks at the signatures of the heads of a range, and at the way that each names the one before. */
export function checkHeads(
  witnesses: readonly Witness[],
  keys: ReadonlyMap<string, Buffer>,
  { from, to }: { from: number; to: number },
): CheckedHeads {
  const inRange = witnesses
    .filter(({ head }) => head.lastSequence >= from && head.lastSequence <= to)
    .sort((a, b) => a.head.lastSequence - b.head.lastSequence)
  const faults = [
    ...inRange.flatMap((witness) => signatureFault(witness, keys) ?? []),
    ...orderFaults(witnesses),
  ].sort((a, b) => a.sequence - b.sequence)
  const good = inRange.filter((witness) => !signatureFault(witness, keys))
  return {
    bySequence: Map.groupBy(good, ({ head }) => head.lastSequence),
    count: good.length,
    bad: faults[0],
    beyond: (last) => cutOff(good, last),
  }
}

function signatureFault({ head, source }: Witness, keys: ReadonlyMap<string, Buffer>) {
  const { day, lastSequence: sequence, keyId } = head
  const key = keys.get(keyId)
  const named = `the head of ${day} (${source})`
  if (!key) {
    const what = `${named} was signed with the key ${keyId}, which is not one of this installation's`
    return { sequence, what }
  }
  return isSigned(head, key) ? undefined : { sequence, what: `${named} is not as it was signed` }
}

/** The database has them all: each names the signature of the one before. */
function orderFaults(witnesses: readonly Witness[]): BadRow[] {
  const heads = witnesses
    .filter(({ source }) => source === DATABASE)
    .map(({ head }) => head)
    .sort((a, b) => (a.day < b.day ? -1 : 1))
  return heads.flatMap(({ day, lastSequence, previousSignature }, at) => {
    if (previousSignature === (heads[at - 1]?.signature ?? null)) return []
    return [{ sequence: lastSequence, what: `the head before that of ${day} is gone or changed` }]
  })
}

function cutOff(witnesses: readonly Witness[], last: number): BadRow | undefined {
  const witness = witnesses.find(({ head }) => head.lastSequence > last)
  if (!witness) return undefined
  const { head, source } = witness
  const what = `is missing: the head of ${head.day} (${source}) says that the chain went to ${head.lastSequence}`
  return { sequence: last + 1, what }
}
