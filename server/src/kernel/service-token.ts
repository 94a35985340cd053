import type { JsonWebKey } from 'node:crypto'
import { headerOf, type JwsKeys, type JwsSigner, openJws, readJwk, signJws } from './jws.ts'

/** Who may do what for a minute: one call of one part of the product to another. Times in seconds since 1970. */
export interface ServiceClaims {
  /** The part that the call is for. */
  readonly aud: string
  /** The thing that the call is about. */
  readonly sub: string
  readonly iat: number
  readonly exp: number
}

export const SERVICE_TOKEN_SECONDS = 60
const SKEW_SECONDS = 30
const MAX_LENGTH = 2_048
const TYPE = 'service+jwt'

/** Signs a token of 60 s. */
export function signServiceToken(
  signer: JwsSigner,
  { aud, sub }: Pick<ServiceClaims, 'aud' | 'sub'>,
  nowSeconds: number,
): Promise<string> {
  const iat = Math.floor(nowSeconds)
  const claims: ServiceClaims = { aud, sub, iat, exp: iat + SERVICE_TOKEN_SECONDS }
  return signJws(signer, TYPE, JSON.stringify(claims))
}

export type TrustedKeys = JwsKeys

export function trustKeys(keys: readonly JsonWebKey[]): TrustedKeys {
  return new Map(
    keys.map((jwk) => {
      const key = readJwk(jwk)
      return [headerOf(key.algorithm, String(jwk.kid), TYPE), key]
    }),
  )
}

/** The claims of a token that counts now for this audience; undefined for everything else. */
export function readServiceToken(
  keys: TrustedKeys,
  token: string,
  audience: string,
  nowSeconds: number,
): ServiceClaims | undefined {
  const payload = token.length > MAX_LENGTH ? undefined : openJws(keys, token)
  if (payload === undefined) return undefined
  // What our key has signed, we have written.
  const claims = JSON.parse(payload) as ServiceClaims
  return claims.aud === audience && isInTime(claims, nowSeconds) ? claims : undefined
}

function isInTime({ iat, exp }: ServiceClaims, nowSeconds: number): boolean {
  return exp > nowSeconds - SKEW_SECONDS && iat <= nowSeconds + SKEW_SECONDS
}
