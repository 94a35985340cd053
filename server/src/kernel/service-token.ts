import { createPublicKey, type JsonWebKey, type KeyObject, sign, verify } from 'node:crypto'

/** Who may do what for a minute: one call of one part of the product to another. Times in seconds since 1970. */
export interface ServiceClaims {
  /** The part that the call is for. */
  readonly aud: string
  /** The thing that the call is about. */
  readonly sub: string
  readonly iat: number
  readonly exp: number
}

export interface ServiceKey {
  kid: string
  privateKey: KeyObject
}

export const SERVICE_TOKEN_SECONDS = 60
const SKEW_SECONDS = 30
const MAX_LENGTH = 2_048

/** Signs a token of 60 s (EdDSA). */
export function signServiceToken(
  { kid, privateKey }: ServiceKey,
  { aud, sub }: Pick<ServiceClaims, 'aud' | 'sub'>,
  nowSeconds: number,
): string {
  const iat = Math.floor(nowSeconds)
  const claims: ServiceClaims = { aud, sub, iat, exp: iat + SERVICE_TOKEN_SECONDS }
  const signed = `${headerOf(kid)}.${encode(JSON.stringify(claims))}`
  return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`
}

/** Public keys by the only header that their tokens may have, byte for byte. */
export type TrustedKeys = ReadonlyMap<string, KeyObject>

export function trustKeys(keys: readonly JsonWebKey[]): TrustedKeys {
  return new Map(
    keys.map((jwk) => [headerOf(String(jwk.kid)), createPublicKey({ key: jwk, format: 'jwk' })]),
  )
}

/** The claims of a token that counts now for this audience; undefined for everything else. */
export function readServiceToken(
  keys: TrustedKeys,
  token: string,
  audience: string,
  nowSeconds: number,
): ServiceClaims | undefined {
  const [header = '', payload = '', signature = '', ...more] = token.split('.')
  const key = keys.get(header)
  if (!key || more.length > 0 || token.length > MAX_LENGTH) return undefined
  const bytes = Buffer.from(signature, 'base64url')
  if (bytes.toString('base64url') !== signature) return undefined
  if (!verify(null, Buffer.from(`${header}.${payload}`), key, bytes)) return undefined
  // What our key has signed, we have written.
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as ServiceClaims
  return claims.aud === audience && isInTime(claims, nowSeconds) ? claims : undefined
}

function isInTime({ iat, exp }: ServiceClaims, nowSeconds: number): boolean {
  return exp > nowSeconds - SKEW_SECONDS && iat <= nowSeconds + SKEW_SECONDS
}

function headerOf(kid: string): string {
  return encode(JSON.stringify({ alg: 'EdDSA', kid, typ: 'service+jwt' }))
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}
