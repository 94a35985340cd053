import { sql } from 'kysely'
import type { QuotaState } from '#kernel/capability.ts'
import type { Context } from '#kernel/context.ts'
import type { Keyring } from '#kernel/crypto.ts'
import type { SealedColumn } from '#kernel/secrets/sealed-column.ts'
import type { Tools } from '../tools.ts'
import { makeKey, shownPart } from './format.ts'
import type { Made } from './present.ts'
import { keyProblems } from './problems.ts'
import type { ApiKeyRow } from './tables.ts'

const MAX_KEYS = 50

/** Where keys that are shown again are kept. */
export const shownAgain: SealedColumn = {
  ...{ table: 'api_keys', id: 'id', column: 'sealed_key', purpose: 'api keys, shown again' },
  place: (id) => ['api_keys', id, 'sealed_key'],
}

/** What tells one key of an account from another. */
type Facts = Pick<
  ApiKeyRow,
  'name' | 'mode' | 'scopes' | 'allowedAddresses' | 'createdBy' | 'expiresAt'
>

/** What is kept of a key: it has more than 250 random bits, so nobody finds it by trying. */
export function hashOf(keyring: Keyring, key: string): Buffer {
  return keyring.mac('api keys', key)
}

export function openSealed(keyring: Keyring, id: string, sealed: Buffer): string {
  return keyring.open(shownAgain.purpose, shownAgain.place(id), sealed).toString()
}

/**
 * Makes sure of a place for one more key, and keeps it until the transaction ends: nobody else makes one in this account meanwhile.
 *
 * @throws problem `key.limit_reached`
 */
export async function makeRoom(ctx: Context, among: 'counting' | 'replaced'): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`api_keys ${ctx.accountId}`}, 0))`.execute(
    ctx.db,
  )
  if ((await countKeys(ctx, among)) >= MAX_KEYS) throw keyProblems.limitReached({ limit: MAX_KEYS })
}

async function countKeys(ctx: Context, among: 'counting' | 'replaced'): Promise<number> {
  const now = ctx.clock.now()
  const { count } = await ctx.db
    .selectFrom('apiKeys')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('accountId', '=', ctx.accountId)
    .where('revokedAt', 'is', null)
    .where('expiresAt', '>', now)
    .$if(among === 'counting', (query) => query.where('overlapEndsAt', 'is', null))
    .$if(among === 'replaced', (query) => query.where('overlapEndsAt', '>', now))
    .executeTakeFirstOrThrow()
  return Number(count)
}

export async function countingKeys(ctx: Context): Promise<QuotaState> {
  return { used: await countKeys(ctx, 'counting'), limit: MAX_KEYS }
}

/** Makes a key in the caller's transaction. It is kept sealed when it has to be shown `again`. */
export async function insertKey(
  { keyring }: Tools,
  ctx: Context,
  facts: Facts,
  { again }: { again: boolean },
): Promise<Made> {
  const id = ctx.newId('key')
  const key = makeKey(facts.mode)
  const row = await ctx.db
    .insertInto('apiKeys')
    .values({
      ...facts,
      id,
      accountId: ctx.accountId,
      prefix: shownPart(key),
      keyHash: hashOf(keyring, key),
      createdAt: ctx.clock.now(),
      sealedKey: again
        ? keyring.seal(shownAgain.purpose, shownAgain.place(id), Buffer.from(key))
        : null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await ctx.remember(id)
  return { row, key }
}
