import { generateKeyPair, type JsonWebKey, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { type Keyring, sha256 } from '#kernel/crypto.ts'
import type { JwsAlgorithm } from '#kernel/jws.ts'
import type { Kms } from '#kernel/secrets/kms.ts'
import { privateHalves } from './store.ts'

const generate = promisify(generateKeyPair)

/** Where new keys come from. */
export interface KeySource {
  keyring: Keyring
  kms: Kms
  /** A signing key of KMS, or an alias that leads to one; without it keys are made here. */
  kmsSigningKeyId?: string
}

/** What is kept of a key. */
export interface NewKey {
  kid: string
  algorithm: JwsAlgorithm
  publicJwk: string
  sealedPrivate: Buffer | null
  kmsKeyId: string | null
}

/** @throws KmsFailure */
export async function makeKey(source: KeySource): Promise<NewKey> {
  const { keyring, kms, kmsSigningKeyId } = source
  if (kmsSigningKeyId) {
    const { keyId, key, algorithm } = await kms.publicKey(kmsSigningKeyId)
    return { ...publicPart(key), algorithm, sealedPrivate: null, kmsKeyId: keyId }
  }
  const pair = await generate('ed25519')
  const publicHalf = publicPart(pair.publicKey)
  const der = pair.privateKey.export({ format: 'der', type: 'pkcs8' })
  const { purpose, place } = privateHalves
  const sealedPrivate = keyring.seal(purpose, place(publicHalf.kid), der)
  der.fill(0)
  return { ...publicHalf, algorithm: 'EdDSA', sealedPrivate, kmsKeyId: null }
}

function publicPart(key: KeyObject) {
  const jwk = key.export({ format: 'jwk' })
  return { kid: thumbprint(jwk), publicJwk: JSON.stringify(jwk) }
}

/** RFC 7638: SHA-256 over the required members in the order of their names. */
function thumbprint({ crv, e, kty, n, x, y }: JsonWebKey): string {
  // Those that a kind of key does not have are left out.
  return sha256(JSON.stringify({ crv, e, kty, n, x, y })).toString('base64url')
}
