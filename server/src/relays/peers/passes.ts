import type { Clock } from '#kernel/clock.ts'
import type { ServiceClaims } from '#kernel/service-token.ts'
import { type Audience, AUDIENCES } from './wire.ts'

/** The claims of a token that counts now for this audience. */
export type ClaimsOf = (token: string, audience: string) => ServiceClaims | undefined

const MOST_KNOWN = 1_000

/** Reads tokens, each once: a signature costs more to check than a request to pass on. */
export class Passes {
  readonly #claimsOf: ClaimsOf
  readonly #clock: Clock
  readonly #known = new Map<string, ServiceClaims>()

  constructor(claimsOf: ClaimsOf, clock: Clock) {
    this.#claimsOf = claimsOf
    this.#clock = clock
  }

  subjectOf(token: string | undefined, audience: Audience): string | undefined {
    if (!token) return undefined
    const key = `${audience} ${token}`
    const known = this.#known.get(key)
    if (known && known.exp * 1000 > this.#clock.now().getTime()) return known.sub
    this.#known.delete(key)
    const claims = this.#claimsOf(token, AUDIENCES[audience])
    if (claims) this.#keep(key, claims)
    return claims?.sub
  }

  #keep(key: string, claims: ServiceClaims): void {
    this.#known.set(key, claims)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest)
  }
}
