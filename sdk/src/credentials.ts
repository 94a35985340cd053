import { errorOf } from './error.ts'
import type { components } from './openapi.d.ts'

/** Sends one request; the platform's own `fetch` is one. */
export type Fetch = (request: Request) => Promise<Response>

export interface Tokens {
  accessToken?: string | undefined
  /** Buys the next pair when the access token has expired. Works once: the newest one counts. */
  refreshToken?: string | undefined
}

export interface CredentialOptions extends Tokens {
  /** Without a slash at the end. */
  url: string
  fetch: Fetch
  onTokens?: ((tokens: Required<Tokens>) => void) | undefined
}

type SignedIn = components['schemas']['SignedIn']

/** Longer than any command may take, the start of its browser included. */
const ANSWER_DEADLINE_MS = 200_000
/** What these are sent in their body is the credential. */
const WITHOUT_TOKEN =
  /\/auth\/(register|login|refresh|refresh-token|bootstrap|forgot-password|reset-password|2fa\/backup\/verify|passkeys\/login|verify-email|change-email\/confirm)$/

/** Sends requests as one sign-in, and renews its tokens. */
export class Credentials {
  readonly #url: string
  readonly #fetch: Fetch
  readonly #onTokens: CredentialOptions['onTokens']
  #tokens: Tokens
  #renewal: Promise<void> | undefined

  constructor({ url, fetch, onTokens, accessToken, refreshToken }: CredentialOptions) {
    this.#url = url
    this.#fetch = fetch
    this.#onTokens = onTokens
    this.#tokens = { accessToken, refreshToken }
  }

  take({ accessToken, refreshToken }: SignedIn): void {
    this.#tokens = { accessToken, refreshToken }
    this.#onTokens?.({ accessToken, refreshToken })
  }

  forget(): void {
    this.#tokens = {}
  }

  /**
   * Sends the request with the access token. One that the server does not know any more is renewed, and the request is sent again:
   * a request without a valid token has done nothing. Many at once share one renewal.
   *
   * @throws GantryError `auth.invalid_refresh_token` when the sign-in has ended
   */
  readonly send: Fetch = async (request) => {
    if (WITHOUT_TOKEN.test(new URL(request.url).pathname)) return this.#answer(request)
    if (!this.#tokens.accessToken && this.#tokens.refreshToken) await this.#renew()
    const used = this.#tokens.accessToken
    const response = await this.#answer(withToken(request.clone(), used))
    if (response.status !== 401 || !this.#tokens.refreshToken) return response

    await response.body?.cancel()
    // Another request may have renewed it while this one was on its way.
    if (this.#tokens.accessToken === used) await this.#renew()
    return this.#answer(withToken(request, this.#tokens.accessToken))
  }

  #renew(): Promise<void> {
    this.#renewal ??= this.#refresh().finally(() => (this.#renewal = undefined))
    return this.#renewal
  }

  async #refresh(): Promise<void> {
    const { refreshToken } = this.#tokens
    const request = new Request(`${this.#url}/api/v1/auth/refresh`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ refreshToken }),
    })
    const response = await this.#answer(request)
    if (!response.ok) throw await errorOf(response)
    this.take((await response.json()) as SignedIn)
  }

  async #answer(request: Request): Promise<Response> {
    const late = new AbortController()
    const timer = setTimeout(
      () => late.abort(new Error('the server did not answer')),
      ANSWER_DEADLINE_MS,
    )
    const signal = AbortSignal.any([request.signal, late.signal])
    try {
      return await this.#fetch(new Request(request, { signal }))
    } finally {
      clearTimeout(timer)
    }
  }
}

function withToken(request: Request, accessToken: string | undefined): Request {
  if (accessToken) request.headers.set('authorization', `Bearer ${accessToken}`)
  return request
}
