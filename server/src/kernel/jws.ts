import { createPublicKey, type JsonWebKey, type KeyObject, sign, verify } from 'node:crypto'

/** What tokens may be signed with. Which one counts is of the key, never of what a token says. */
export type JwsAlgorithm = 'EdDSA' | 'RS256' | 'ES256'

/** A private key, here or in KMS. */
export interface JwsSigner {
  readonly kid: string
  readonly algorithm: JwsAlgorithm
  sign(content: Buffer): Promise<Buffer>
}

/** A public key, and the one algorithm that it is for. */
export interface JwsKey {
  readonly algorithm: JwsAlgorithm
  readonly key: KeyObject
}

/** Public keys by the only header that their tokens may have, byte for byte. */
export type JwsKeys = ReadonlyMap<string, JwsKey>

const BASE64URL = /^[A-Za-z0-9_-]+$/

export function ed25519Signer(kid: string, privateKey: KeyObject): JwsSigner {
  return { kid, algorithm: 'EdDSA', sign: async (content) => sign(null, content, privateKey) }
}

/** A key as a key set publishes it. @throws Error when it names no algorithm that we know */
export function readJwk(jwk: JsonWebKey): JwsKey {
  const algorithm = jwk.alg as JwsAlgorithm
  if (!['EdDSA', 'RS256', 'ES256'].includes(algorithm)) {
    throw new Error(`a key for ${String(jwk.alg)} verifies nothing here`)
  }
  return { algorithm, key: createPublicKey({ key: jwk, format: 'jwk' }) }
}

/** The encoded header that every token of one kind and key has, and no other. */
export function headerOf(algorithm: JwsAlgorithm, kid: string, typ: string): string {
  return encode(JSON.stringify({ alg: algorithm, kid, typ }))
}

/** A compact JWS over the text. */
export async function signJws(signer: JwsSigner, typ: string, payload: string): Promise<string> {
  const signed = `${headerOf(signer.algorithm, signer.kid, typ)}.${encode(payload)}`
  const signature = await signer.sign(Buffer.from(signed))
  return `${signed}.${signature.toString('base64url')}`
}

/** The text that one of the keys has signed; undefined for everything else. */
export function openJws(keys: JwsKeys, token: string): string | undefined {
  const [header = '', payload = '', signature = '', ...more] = token.split('.')
  const found = keys.get(header)
  if (!found || more.length > 0 || !BASE64URL.test(payload)) return undefined
  const bytes = Buffer.from(signature, 'base64url')
  // One spelling for each signature: the decoder would skip foreign characters and unused bits.
  if (bytes.toString('base64url') !== signature) return undefined
  const content = Buffer.from(`${header}.${payload}`)
  return isSigned(found, content, bytes) ? Buffer.from(payload, 'base64url').toString() : undefined
}

function isSigned({ algorithm, key }: JwsKey, content: Buffer, signature: Buffer): boolean {
  switch (algorithm) {
    case 'EdDSA':
      return verify(null, content, key, signature)
    case 'RS256':
      return verify('sha256', content, key, signature)
    case 'ES256':
      return verify('sha256', content, { key, dsaEncoding: 'ieee-p1363' }, signature)
  }
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}
