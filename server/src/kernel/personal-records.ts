import type { Context } from './context.ts'

/** Whose records are meant. */
export interface PersonOnRecord {
  readonly userId: string
  readonly email: string
  /** The accounts that nobody else works in: what is in them is the person's, too. */
  readonly accountIds: readonly string[]
}

/** What happened from one time to another, the latter not included. */
export interface Period {
  readonly from: Date
  readonly to: Date
}

/** What one capability keeps about people, and what they may demand of that. */
export interface PersonalRecords {
  /**
   * The lists of an export, by their names in it: each yields JSON values in small portions. Nothing that lets anybody in is among them,
   * and nothing of other people.
   */
  readonly lists?: Readonly<Record<string, (ctx: Context, person: PersonOnRecord) => Rows>>
  /**
   * Erases what is kept about the person, rows and objects. May run again after it was broken off, and again after it was done. Rows
   * that others need keep the user's id.
   */
  erase?(ctx: Context, person: PersonOnRecord): Promise<void>
  /** Figures of what the person used, by `noun.unit`. */
  usage?(
    ctx: Context,
    person: { userId: string; accountId?: string },
    period: Period,
  ): Promise<Readonly<Record<string, number>>>
}

export type Rows = AsyncIterable<unknown>

/** The records of one capability. */
export interface KeptRecords {
  readonly name: string
  readonly personal: PersonalRecords
}

/** The records of all capabilities, in the order of the manifest. */
export function keptRecords(
  capabilities: readonly { name: string; personal?: PersonalRecords }[],
): KeptRecords[] {
  return capabilities.flatMap(({ name, personal }) => (personal ? [{ name, personal }] : []))
}

const BATCH = 200

/** Rows in the order of their ids, a batch at a time: `read` gives the next ones behind an id. */
export async function* rowsById<Row extends { id: string }>(
  read: (after: string, limit: number) => Promise<Row[]>,
): AsyncIterable<Row> {
  for (let after = ''; ;) {
    const rows = await read(after, BATCH)
    yield* rows
    const last = rows.at(-1)
    if (!last || rows.length < BATCH) return
    after = last.id
  }
}
