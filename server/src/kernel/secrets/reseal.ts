import { sql } from 'kysely'
import type { Context } from '../context.ts'
import { UnsealFailed } from '../crypto/cipher.ts'
import { SealingKeyMissing } from '../crypto/keyring.ts'
import { recordHead } from '../crypto/record.ts'
import { nameOf, type SealedColumn } from './sealed-column.ts'
import type { SealingKeys } from './sealing-keys.ts'

const BATCH = 200
/** Of the rows in one line of the log. */
const MAX_TOLD = 10

export interface Resealed {
  resealed: number
  /** Records that no known key opens for their place. They stay as they are. */
  unreadable: number
}

/** How many records each key has sealed, by its id, then by column. */
export async function countUsers(
  { db }: Pick<Context, 'db'>,
  columns: readonly SealedColumn[],
): Promise<Map<string, Record<string, number>>> {
  const users = new Map<string, Record<string, number>>()
  for (const it of columns) {
    const { rows } = await sql<{ keyId: string; count: string }>`
      select encode(substring(${sql.ref(it.column)} from 2 for 8), 'hex') as key_id, count(*) as count
      from ${sql.table(it.table)} where ${sql.ref(it.column)} is not null group by 1`.execute(db)
    for (const { keyId, count } of rows) {
      users.set(keyId, { ...users.get(keyId), [nameOf(it)]: Number(count) })
    }
  }
  return users
}

/**
 * Brings every record of the column under the key that seals now, in batches of their own transactions: what was done stays done
 * when it is killed. A record that somebody changed meanwhile is left to them.
 */
export async function resealColumn(
  ctx: Context,
  keys: SealingKeys,
  column: SealedColumn,
  onBatch: (resealed: number) => Promise<void>,
): Promise<Resealed> {
  const sum = { resealed: 0, unreadable: 0 }
  let after = ''
  for (;;) {
    ctx.signal.throwIfAborted()
    const batch = await ctx.transaction((ctx) => resealBatch(ctx, keys, column, after))
    if (!batch) return sum
    after = batch.last
    sum.resealed += batch.resealed
    sum.unreadable += batch.unreadable
    await onBatch(batch.resealed)
  }
}

interface Sealed {
  id: string
  sealed: Buffer
}

async function resealBatch(
  ctx: Context,
  keys: SealingKeys,
  it: SealedColumn,
  after: string,
): Promise<(Resealed & { last: string }) | undefined> {
  // Two who work on one column take turns, so that neither waits for a row of the other.
  await sql`select pg_advisory_xact_lock(hashtext(${`reseal ${nameOf(it)}`}))`.execute(ctx.db)
  const [id, column] = [sql.ref(it.id), sql.ref(it.column)]
  const { rows } = await sql<Sealed>`
    select ${id} as id, ${column} as sealed from ${sql.table(it.table)}
    where ${column} is not null and substring(${column} from 1 for 9) <> ${recordHead(keys.activeId)}
      and ${id} > ${after}
    order by ${id} limit ${BATCH}`.execute(ctx.db)
  const last = rows.at(-1)
  if (!last) return undefined
  const fresh = rows.map((row) => freshOf(keys, it, row)).filter((row) => row !== undefined)
  if (fresh.length < rows.length) tellUnreadable(ctx, it, rows, fresh)
  const { numAffectedRows = 0n } = await sql`
    update ${sql.table(it.table)} as t set ${column} = v.fresh
    from unnest(${fresh.map((row) => row.id)}::text[], ${fresh.map((row) => row.sealed)}::bytea[],
      ${fresh.map((row) => row.fresh)}::bytea[]) as v(id, sealed, fresh)
    where t.${id} = v.id and t.${column} = v.sealed`.execute(ctx.db)
  return {
    last: last.id,
    resealed: Number(numAffectedRows),
    unreadable: rows.length - fresh.length,
  }
}

type Fresh = Sealed & { fresh: Buffer }

/** Nothing when the record does not open. */
function freshOf({ keyring }: SealingKeys, it: SealedColumn, row: Sealed): Fresh | undefined {
  const { id, sealed } = row
  try {
    return { id, sealed, fresh: keyring.reseal(it.purpose, it.place(id), sealed) }
  } catch (error) {
    const isBroken = error instanceof UnsealFailed && !(error instanceof SealingKeyMissing)
    if (isBroken) return undefined
    throw error
  }
}

function tellUnreadable(ctx: Context, it: SealedColumn, rows: Sealed[], fresh: Fresh[]): void {
  const left = rows.filter(({ id }) => !fresh.some((row) => row.id === id)).map(({ id }) => id)
  const facts = { column: nameOf(it), count: left.length, rows: left.slice(0, MAX_TOLD) }
  ctx.log.error(facts, 'sealed records do not open, and stay as they are')
}
