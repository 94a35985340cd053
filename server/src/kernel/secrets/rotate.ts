import { sql } from 'kysely'
import type { Context } from '../context.ts'
import { makeKeyFile, readKeyFiles } from './key-files.ts'
import { countUsers } from './reseal.ts'
import type { SealedColumn } from './sealed-column.ts'
import { inFile, newKmsKey, type SealingKeyRow, type SealingKeys } from './sealing-keys.ts'
import { sealingKeyStates } from './states.ts'

/** So long a key is known everywhere before it seals: every process looks each 5 s. */
export const KNOWN_MS = 15_000
/** By then nothing is in flight that was sealed with a key that no longer seals. */
const QUIET_MS = 60_000

/** Makes a key file that the next rotation takes, for machines that must have it before. Returns its name. */
export async function prepareKey(keys: SealingKeys): Promise<string> {
  return ((await unusedFile(keys)) ?? (await makeKeyFile(keys.options.directory))).name
}

/**
 * Adds a key, which is to seal once every process knows it; of two callers at once, one adds it and both get the same.
 *
 * @throws KmsFailure
 */
export async function addKey(
  ctx: Context,
  keys: SealingKeys,
): Promise<{ row: SealingKeyRow; isNew: boolean }> {
  const waiting = await findNext(ctx)
  if (waiting) return { row: waiting, isNew: false }
  const { kms, kmsKeyId, directory } = keys.options
  const made = kmsKeyId
    ? await newKmsKey(kms, kmsKeyId)
    : inFile(((await unusedFile(keys)) ?? (await makeKeyFile(directory))).key)
  const added = await ctx.db
    .insertInto('sealingKeys')
    .values({ ...made, state: 'next', createdAt: ctx.clock.now() })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst()
  return added ? { row: added, isNew: true } : { row: (await findNext(ctx))!, isNew: false }
}

/** Lets the next key seal from now on, and the one before only open. Undefined when there is none that is known long enough. */
export async function activateNext(
  ctx: Context,
  knownMs: number,
): Promise<SealingKeyRow | undefined> {
  return ctx.transaction(async (ctx) => {
    await holdSealingKeys(ctx)
    const now = ctx.clock.now()
    const next = await findNext(ctx)
    if (!next || next.createdAt.getTime() + knownMs > now.getTime()) return undefined
    await ctx.db
      .updateTable('sealingKeys')
      .set({ state: 'retiring', retiringAt: now })
      .where('state', 'in', sealingKeyStates.from('retiring'))
      .execute()
    return ctx.db
      .updateTable('sealingKeys')
      .set({ state: 'active', activatedAt: now })
      .where('id', '=', next.id)
      .where('state', 'in', sealingKeyStates.from('active'))
      .returningAll()
      .executeTakeFirst()
  })
}

export type Retirement =
  | { done: true }
  | { done: false; why: 'not_retiring' }
  | { done: false; why: 'too_early' }
  | { done: false; why: 'in_use'; users: Record<string, number> }

/** Gives up a key that nothing is sealed with any more: from then on it opens nothing, whatever is put into the database. */
export async function retireKey(
  ctx: Context,
  columns: readonly SealedColumn[],
  id: string,
): Promise<Retirement> {
  return ctx.transaction(async (ctx) => {
    await holdSealingKeys(ctx)
    const now = ctx.clock.now()
    const row = await ctx.db
      .selectFrom('sealingKeys')
      .selectAll()
      .where('id', '=', id)
      .where('state', 'in', sealingKeyStates.from('retired'))
      .executeTakeFirst()
    if (!row) return { done: false, why: 'not_retiring' }
    if (row.retiringAt && row.retiringAt.getTime() + QUIET_MS > now.getTime()) {
      return { done: false, why: 'too_early' }
    }
    const users = (await countUsers(ctx, columns)).get(id)
    if (users) return { done: false, why: 'in_use', users }
    await ctx.db
      .updateTable('sealingKeys')
      .set({ state: 'retired', retiredAt: now, wrapped: null })
      .where('id', '=', id)
      .execute()
    return { done: true }
  })
}

/** A key in the directory that the database has never heard of. */
async function unusedFile(keys: SealingKeys) {
  const files = await readKeyFiles(keys.options.directory)
  const rows = await keys.options.db.selectFrom('sealingKeys').select('id').execute()
  return files.find(({ key }) => !rows.some(({ id }) => id === key.id))
}

function findNext({ db }: Context): Promise<SealingKeyRow | undefined> {
  return db.selectFrom('sealingKeys').selectAll().where('state', '=', 'next').executeTakeFirst()
}

/** One at a time may move keys from state to state. */
async function holdSealingKeys({ db }: Context): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('kernel.sealing_keys'))`.execute(db)
}
