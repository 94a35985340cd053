import type { JsonWebKey } from 'node:crypto'
import type { Selectable } from 'kysely'
import type { Db } from '#kernel/db.ts'
import type { SealedColumn } from '#kernel/secrets/sealed-column.ts'
import type { SigningKeyTable } from '../tables.ts'

export type SigningKeyRow = Selectable<SigningKeyTable>

/** Where the private halves are kept. */
export const privateHalves: SealedColumn = {
  ...{ table: 'signing_keys', id: 'kid', column: 'sealed_private', purpose: 'signing-keys' },
  place: (kid) => ['signing_keys', kid],
}

/** Every key that signs, will sign or may have signed a token that counts; the newest first. */
export function readKeys(db: Db): Promise<SigningKeyRow[]> {
  return db
    .selectFrom('signingKeys')
    .selectAll()
    .where('state', '<>', 'gone')
    .orderBy('createdAt', 'desc')
    .orderBy('kid')
    .execute()
}

/** The public halves, as `/.well-known/jwks.json` publishes them. */
export async function publicKeys(db: Db): Promise<JsonWebKey[]> {
  return (await readKeys(db)).map(publicJwkOf)
}

export function publicJwkOf({ kid, algorithm, publicJwk }: SigningKeyRow): JsonWebKey {
  return { ...publicJwk, kid, alg: algorithm, use: 'sig' }
}
