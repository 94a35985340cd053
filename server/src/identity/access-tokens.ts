import { type KeyObject, sign, verify } from 'node:crypto'
import { ALGORITHM, type SigningKeys } from './signing-keys.ts'

export const ACCESS_TOKEN_SECONDS = 600
const MAX_LIFE_SECONDS = 900
const SKEW_SECONDS = 30
const MAX_TOKEN_LENGTH = 8192
const BASE64URL = /^[A-Za-z0-9_-]+$/

/** What an access token says (RFC 9068): who, by which sign-in, until when. Times in seconds since 1970. */
export interface Claims {
  readonly iss: string
  readonly aud: string
  readonly sub: string
  /** The sign-in; it must be live for the token to count. */
  readonly sid: string
  readonly jti: string
  readonly iat: number
  readonly nbf: number
  readonly exp: number
  /** The user's version; raising it ends all tokens before. */
  readonly ver: number
  readonly auth_time: number
  readonly amr: readonly string[]
  /** Who acts as `sub` (RFC 8693). */
  readonly act?: { readonly sub: string }
}

/** Signs and verifies access tokens of one issuer with one set of keys. */
export class AccessTokens {
  readonly #issuer: string
  readonly #audience: string
  readonly #activeHeader: string
  readonly #privateKey: KeyObject
  /**
   * The encoded header that each key's tokens have, byte for byte, and that key. A token with any other header, whatever it names as
   * its algorithm, key or extension, finds no key here.
   */
  readonly #keyByHeader: ReadonlyMap<string, KeyObject>

  constructor(publicUrl: string, keys: SigningKeys) {
    this.#issuer = publicUrl
    this.#audience = `${publicUrl}/api`
    this.#activeHeader = headerOf(keys.active.kid)
    this.#privateKey = keys.active.privateKey
    this.#keyByHeader = new Map(
      Array.from(keys.trusted, ([kid, key]) => [headerOf(kid), key] as const),
    )
  }

  /** The same claims give the same token: Ed25519 signatures are deterministic. */
  issue(claims: Omit<Claims, 'iss' | 'aud' | 'nbf' | 'exp'>): string {
    const { iat } = claims
    const times = { nbf: iat, exp: iat + ACCESS_TOKEN_SECONDS }
    const whole = { iss: this.#issuer, aud: this.#audience, ...claims, ...times }
    const signed = `${this.#activeHeader}.${encode(JSON.stringify(whole))}`
    return `${signed}.${sign(null, Buffer.from(signed), this.#privateKey).toString('base64url')}`
  }

  /** The claims of a token that we signed for ourselves and that counts now; undefined for everything else. */
  verify(token: string, nowSeconds: number): Claims | undefined {
    const claims = this.#genuine(token)
    return claims && isInTime(claims, nowSeconds) ? claims : undefined
  }

  /** Whether the header holds a token that we signed for ourselves, may it have ended since. */
  issued(authorization = ''): boolean {
    return this.#genuine(authorization.replace(/^Bearer +/i, '')) !== undefined
  }

  #genuine(token: string): Claims | undefined {
    if (token.length > MAX_TOKEN_LENGTH) return undefined
    const [header = '', payload = '', signature = '', ...more] = token.split('.')
    const key = this.#keyByHeader.get(header)
    if (!key || more.length > 0 || !BASE64URL.test(payload)) return undefined
    const bytes = Buffer.from(signature, 'base64url')
    // One spelling for each signature: the decoder would skip foreign characters and unused bits.
    if (bytes.toString('base64url') !== signature) return undefined
    if (!verify(null, Buffer.from(`${header}.${payload}`), key, bytes)) return undefined
    const claims = parseClaims(Buffer.from(payload, 'base64url').toString())
    return claims && this.#isForUs(claims) ? claims : undefined
  }

  #isForUs({ iss, aud }: Claims): boolean {
    return iss === this.#issuer && aud === this.#audience
  }
}

function headerOf(kid: string): string {
  return encode(JSON.stringify({ alg: ALGORITHM, kid, typ: 'at+jwt' }))
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}

function parseClaims(text: string): Claims | undefined {
  const claims = parseJson(text) as Claims | undefined
  // Written and read by us, so the text is what we would write: this leaves no room for a member given twice.
  if (claims === undefined || JSON.stringify(claims) !== text) return undefined
  const { iss, aud, sub, sid, jti, iat, nbf, exp, ver, auth_time } = claims
  const texts = [iss, aud, sub, sid, jti].every((claim) => typeof claim === 'string')
  const numbers = [iat, nbf, exp, ver, auth_time].every((claim) => Number.isSafeInteger(claim))
  const someone = claims.act === undefined || typeof claims.act?.sub === 'string'
  return texts && numbers && someone ? claims : undefined
}

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** Whether the token counts at this time, give or take the difference of two clocks. */
export function isInTime({ iat, nbf, exp }: Claims, nowSeconds: number): boolean {
  return (
    exp > nowSeconds - SKEW_SECONDS &&
    nbf <= nowSeconds + SKEW_SECONDS &&
    iat <= nowSeconds + SKEW_SECONDS &&
    exp - iat <= MAX_LIFE_SECONDS
  )
}
