import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import type { Context } from '#kernel/context.ts'
import { type Keyring, SealingKeyMissing, sha256, UnsealFailed } from '#kernel/crypto.ts'
import type { Db } from '#kernel/db.ts'
import type { SealedColumn } from '#kernel/secrets/sealed-column.ts'
import type { AuditKeyRow } from './tables.ts'

/** Signs heads. */
export interface HeadKey {
  readonly keyId: string
  sign(text: string): Buffer
}

export type Vault = Pick<Keyring, 'seal' | 'open'>

/** `audit_keys.sealed_private` */
export const headKeys: SealedColumn = {
  ...{ table: 'audit_keys', id: 'key_id', column: 'sealed_private', purpose: 'audit heads' },
  place: (keyId) => ['audit_keys', keyId, 'sealed_private'],
}

const RAW_BYTES = 32

/** The newest key that this installation's master key opens, made where there is none. */
export async function openHeadKey(ctx: Context, vault: Vault): Promise<HeadKey> {
  const [newest] = await openKeys(ctx.db, vault)
  return newest ?? makeKey(ctx, vault)
}

/**
 * Public halves of all keys that the master key opens, by id. A row that somebody else put there does not open, so what it signs counts
 * for nothing.
 */
export async function ownKeys(db: Db, vault: Vault): Promise<Map<string, Buffer>> {
  const keys = await openKeys(db, vault)
  return new Map(keys.map(({ keyId, publicKey }) => [keyId, publicKey]))
}

/** The public half as SPKI, from its 32 bytes. */
export function publicKeyOf(raw: Buffer): KeyObject {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }
  return createPublicKey({ key: jwk, format: 'jwk' })
}

export function keyIdOf(raw: Buffer): string {
  return sha256(raw).toString('hex')
}

type OpenKey = HeadKey & { publicKey: Buffer }

/** The newest first. */
async function openKeys(db: Db, vault: Vault): Promise<OpenKey[]> {
  const rows = await db.selectFrom('auditKeys').selectAll().orderBy('createdAt', 'desc').execute()
  return rows.flatMap((row) => openKey(row, vault) ?? [])
}

function openKey({ keyId, sealedPrivate }: AuditKeyRow, vault: Vault): OpenKey | undefined {
  try {
    const key = vault.open(headKeys.purpose, headKeys.place(keyId), sealedPrivate)
    return usable(createPrivateKey({ key, format: 'der', type: 'pkcs8' }))
  } catch (error) {
    const isForeign = error instanceof UnsealFailed && !(error instanceof SealingKeyMissing)
    if (isForeign) return undefined
    throw error
  }
}

function usable(privateKey: KeyObject): OpenKey {
  const publicKey = rawOf(createPublicKey(privateKey))
  const keyId = keyIdOf(publicKey)
  return { keyId, publicKey, sign: (text) => sign(null, Buffer.from(text), privateKey) }
}

async function makeKey(ctx: Context, vault: Vault): Promise<HeadKey> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const made = usable(privateKey)
  const { keyId, publicKey } = made
  const secret = privateKey.export({ format: 'der', type: 'pkcs8' })
  const sealedPrivate = vault.seal(headKeys.purpose, headKeys.place(keyId), secret)
  const row = { keyId, publicKey, sealedPrivate, createdAt: ctx.clock.now() }
  await ctx.db.insertInto('auditKeys').values(row).execute()
  return made
}

/** SPKI of Ed25519 ends with the 32 bytes of the key (RFC 8410). */
function rawOf(publicKey: KeyObject): Buffer {
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(-RAW_BYTES)
}
