import { type JwsKeys, type JwsSigner, openJws, signJws } from '#kernel/jws.ts'

export const ACCESS_TOKEN_SECONDS = 600
const MAX_LIFE_SECONDS = 900
const SKEW_SECONDS = 30
const MAX_TOKEN_LENGTH = 8192
/** Of access tokens (RFC 9068). */
const TYPE = 'at+jwt'
const HEADER = /^\{"alg":"(?:EdDSA|RS256|ES256)","kid":"[A-Za-z0-9_-]{43}","typ":"at\+jwt"\}$/

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

/** The keys of this moment. */
export interface TokenKeys {
  readonly signer: JwsSigner
  /**
   * By the encoded header that each key's tokens have, byte for byte. A token with any other header, whatever it names as its
   * algorithm, key or extension, finds no key here.
   */
  readonly trusted: JwsKeys
  /** Reads the keys anew, unless that was done just now. */
  lookAgain(): Promise<void>
}

/** Signs and verifies access tokens of one issuer. */
export class AccessTokens {
  readonly #issuer: string
  readonly #audience: string
  readonly #keys: TokenKeys

  constructor(publicUrl: string, keys: TokenKeys) {
    this.#issuer = publicUrl
    this.#audience = `${publicUrl}/api`
    this.#keys = keys
  }

  /** The same claims give the same token while the key stays (but with ES256, whose signatures differ each time). @throws KmsFailure */
  issue(claims: Omit<Claims, 'iss' | 'aud' | 'nbf' | 'exp'>): Promise<string> {
    const { iat } = claims
    const times = { nbf: iat, exp: iat + ACCESS_TOKEN_SECONDS }
    const whole = { iss: this.#issuer, aud: this.#audience, ...claims, ...times }
    return signJws(this.#keys.signer, TYPE, JSON.stringify(whole))
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
    const payload = openJws(this.#keys.trusted, token)
    const claims = payload === undefined ? undefined : parseClaims(payload)
    return claims && this.#isForUs(claims) ? claims : undefined
  }

  /** As `verify`, but a token of a key that another process may have added just now is looked at twice. */
  async verifyOrLearn(token: string, nowSeconds: number): Promise<Claims | undefined> {
    const claims = this.verify(token, nowSeconds)
    if (claims || !this.#mayBeOfNewKey(token)) return claims
    await this.#keys.lookAgain()
    return this.verify(token, nowSeconds)
  }

  #mayBeOfNewKey(token: string): boolean {
    if (token.length > MAX_TOKEN_LENGTH) return false
    const header = token.slice(0, token.indexOf('.'))
    if (this.#keys.trusted.has(header)) return false
    return HEADER.test(Buffer.from(header, 'base64url').toString())
  }

  #isForUs({ iss, aud }: Claims): boolean {
    return iss === this.#issuer && aud === this.#audience
  }
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
