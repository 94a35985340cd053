import type { Clock } from '#kernel/clock.ts'
import type { JwsSigner } from '#kernel/jws.ts'
import { signServiceToken } from '#kernel/service-token.ts'

/** Half of what a token lives, so that one that is handed out lasts as long again. */
const KEPT_MS = 30_000
const MAX_KEPT = 2_000

interface Kept {
  kid: string
  token: Promise<string>
  untilMs: number
}

/** Tokens for calls to other parts of the product. Each is used for 30 s, since KMS takes its time for a signature. */
export class ServiceTokens {
  readonly #clock: Clock
  readonly #keys: { readonly signer: JwsSigner }
  /** By audience and subject; the one that was made longest ago comes first. */
  readonly #kept = new Map<string, Kept>()

  constructor(clock: Clock, keys: { readonly signer: JwsSigner }) {
    this.#clock = clock
    this.#keys = keys
  }

  /** @throws KmsFailure */
  issue(audience: string, subject: string): Promise<string> {
    const { signer } = this.#keys
    const name = `${audience} ${subject}`
    const nowMs = this.#clock.monotonicMs()
    const kept = this.#kept.get(name)
    if (kept && kept.kid === signer.kid && nowMs < kept.untilMs) return kept.token
    const nowSeconds = this.#clock.now().getTime() / 1000
    const token = signServiceToken(signer, { aud: audience, sub: subject }, nowSeconds)
    this.#kept.delete(name)
    this.#kept.set(name, { kid: signer.kid, token, untilMs: nowMs + KEPT_MS })
    token.catch(() => this.#kept.delete(name))
    if (this.#kept.size > MAX_KEPT) this.#dropOldest()
    return token
  }

  #dropOldest(): void {
    for (const name of this.#kept.keys()) return void this.#kept.delete(name)
  }
}
