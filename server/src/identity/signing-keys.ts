import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto'
import { promisify } from 'node:util'
import type { Clock } from '#kernel/clock.ts'
import { type Keyring, sha256 } from '#kernel/crypto.ts'
import type { Db } from '#kernel/db.ts'

const PURPOSE = 'signing-keys'
const generate = promisify(generateKeyPair)

/** The only algorithm of access tokens (RFC 8037). */
export const ALGORITHM = 'EdDSA'

export interface SigningKeys {
  /** Signs new tokens. */
  active: { kid: string; privateKey: KeyObject }
  /** By key id: every key whose tokens may still be out there. */
  trusted: ReadonlyMap<string, KeyObject>
}

/**
 * Reads the keys that all processes of this installation sign and verify with; makes the first one. Of several processes that start at
 * once, one makes it and all get the same.
 *
 * @throws Error when the master key of this machine does not open them
 */
export async function loadSigningKeys(
  db: Db,
  clock: Clock,
  keyring: Keyring,
): Promise<SigningKeys> {
  const rows = await readKeys(db)
  const active = rows.find((row) => row.state === 'active')
  if (!active) {
    await insertKey(db, clock, keyring)
    return loadSigningKeys(db, clock, keyring)
  }
  const trusted = rows.map(({ kid, publicJwk }) => [kid, publicKey(publicJwk)] as const)
  const privateKey = unsealKey(keyring, active)
  return { active: { kid: active.kid, privateKey }, trusted: new Map(trusted) }
}

/** The public halves, as `/.well-known/jwks.json` publishes them. */
export async function publicKeys(db: Db): Promise<JsonWebKey[]> {
  const rows = await readKeys(db)
  return rows.map(({ kid, publicJwk }) => ({ ...publicJwk, kid, alg: ALGORITHM, use: 'sig' }))
}

async function readKeys(db: Db) {
  return db.selectFrom('signingKeys').selectAll().orderBy('createdAt', 'desc').execute()
}

function publicKey(jwk: JsonWebKey): KeyObject {
  return createPublicKey({ key: jwk, format: 'jwk' })
}

function unsealKey(
  keyring: Keyring,
  { kid, sealedPrivate }: { kid: string; sealedPrivate: Buffer },
) {
  try {
    const der = keyring.open(PURPOSE, ['signing_keys', kid], sealedPrivate)
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } catch (cause) {
    throw new Error(
      'The token signing key in the database was sealed with another master key: ' +
        'put back the file `keys/master.key` that belongs to this database.',
      { cause },
    )
  }
}

async function insertKey(db: Db, clock: Clock, keyring: Keyring): Promise<void> {
  const pair = await generate('ed25519')
  const jwk = pair.publicKey.export({ format: 'jwk' })
  const kid = thumbprint(jwk)
  const der = pair.privateKey.export({ format: 'der', type: 'pkcs8' })
  await db
    .insertInto('signingKeys')
    .values({
      kid,
      publicJwk: JSON.stringify(jwk),
      sealedPrivate: keyring.seal(PURPOSE, ['signing_keys', kid], der),
      state: 'active',
      createdAt: clock.now(),
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** RFC 7638: SHA-256 over the required members in the order of their names. */
function thumbprint({ crv, kty, x }: JsonWebKey): string {
  return sha256(JSON.stringify({ crv, kty, x })).toString('base64url')
}
