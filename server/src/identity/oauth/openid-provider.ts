import type {
  ClientAuth,
  Configuration,
  CustomFetch,
  IDToken,
  UserInfoResponse,
} from 'openid-client'
import type { Clock } from '#kernel/clock.ts'
import type { OpenIdSettings } from '#kernel/config-providers.ts'
import { addressOf, identityOf, isYes, namesOf } from './claims.ts'
import { failureAt } from './failures.ts'
import { oauthProblems } from './problems.ts'
import type { Proof, Provider, Visit } from './provider.ts'

/** What the provider says of itself is asked for again after this long. */
const KEPT_MS = 60 * 60 * 1000
/** One that was not there is not asked again for so long. */
const AWAY_MS = 2_000
const TIMEOUT_SECONDS = 10

/** How a provider differs from the standard. */
export interface Manners {
  /** Whether it follows `prompt=login` and tells `auth_time`. */
  provesAgain: boolean
  /** Whether it has seen to it that the address is the person’s. */
  isVerified(claims: Claims): boolean
  /** @throws Error for an ID token that its issuer would not give */
  check?(claims: IDToken): void
}

type Claims = IDToken | UserInfoResponse

export const STANDARD: Manners = {
  provesAgain: true,
  isVerified: (claims) => isYes(claims.email_verified),
}

interface Found {
  atMs: number
  keptMs: number
  configuration: Promise<Configuration>
}

/** A provider that speaks OpenID Connect. It is asked what it is like when somebody first wants to go there. */
export class OpenIdProvider implements Provider {
  readonly id: string
  readonly name: string
  readonly provesAgain: boolean
  readonly #settings: OpenIdSettings
  readonly #manners: Manners
  readonly #fetch: CustomFetch
  readonly #clock: Clock
  #found: Found | undefined

  constructor(
    settings: OpenIdSettings,
    { fetch, clock, manners = STANDARD }: { fetch: CustomFetch; clock: Clock; manners?: Manners },
  ) {
    this.id = settings.id
    this.name = settings.name
    this.provesAgain = manners.provesAgain
    this.#settings = settings
    this.#manners = manners
    this.#fetch = fetch
    this.#clock = clock
  }

  async authorizationUrl({ redirectUri, state, verifier, nonce, afresh }: Visit): Promise<URL> {
    const { buildAuthorizationUrl, calculatePKCECodeChallenge } = await import('openid-client')
    const configuration = await this.#discover()
    return buildAuthorizationUrl(configuration, {
      ...{ redirect_uri: redirectUri, scope: this.#settings.scopes.join(' '), state, nonce },
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(afresh && { prompt: 'login', max_age: '0' }),
    })
  }

  async identify(answer: URL, { state, verifier, nonce }: Visit): Promise<Proof> {
    const configuration = await this.#discover()
    try {
      const { authorizationCodeGrant } = await import('openid-client')
      const tokens = await authorizationCodeGrant(configuration, answer, {
        ...{ pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce },
        idTokenExpected: true,
      })
      const claims = tokens.claims()!
      this.#manners.check?.(claims)
      return this.#proofOf(claims, await this.#person(configuration, claims, tokens.access_token))
    } catch (error) {
      throw failureAt(this.name, error)
    }
  }

  /** Many tell the address to whoever asks with the access token only. It and whether it is verified come from one place. */
  async #person(
    configuration: Configuration,
    claims: IDToken,
    accessToken: string,
  ): Promise<Claims> {
    if (claims.email !== undefined || !configuration.serverMetadata().userinfo_endpoint) {
      return claims
    }
    const { fetchUserInfo } = await import('openid-client')
    return fetchUserInfo(configuration, accessToken, claims.sub)
  }

  #proofOf(claims: IDToken, person: Claims): Proof {
    return {
      ...identityOf(claims.iss, claims.sub),
      ...addressOf(person.email, this.#manners.isVerified(person)),
      ...namesOf(person.given_name ?? person.name, person.family_name),
      ...(claims.auth_time !== undefined && { authenticatedAt: claims.auth_time }),
    }
  }

  /** What the provider is like: asked once for all who come at that time. */
  #discover(): Promise<Configuration> {
    const nowMs = this.#clock.monotonicMs()
    if (this.#found && nowMs - this.#found.atMs < this.#found.keptMs) {
      return this.#found.configuration
    }
    const found = { atMs: nowMs, keptMs: KEPT_MS, configuration: this.#ask() }
    found.configuration.catch(() => {
      found.keptMs = this.#clock.monotonicMs() - nowMs + AWAY_MS
    })
    this.#found = found
    return found.configuration
  }

  async #ask(): Promise<Configuration> {
    const { issuer, clientId, clientSecret } = this.#settings
    const server = new URL(issuer)
    try {
      const client = await import('openid-client')
      const isPlain = server.protocol === 'http:'
      const basic = client.ClientSecretBasic(clientSecret)
      const post = client.ClientSecretPost(clientSecret)
      const authenticate: ClientAuth = (as, ...rest) => {
        const methods = as.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
        return (methods.includes('client_secret_basic') ? basic : post)(as, ...rest)
      }
      const configuration = await client.discovery(server, clientId, undefined, authenticate, {
        ...{ [client.customFetch]: this.#fetch, timeout: TIMEOUT_SECONDS },
        // ID tokens are believed by their signature, not by where they came from.
        execute: [
          client.enableNonRepudiationChecks,
          ...(isPlain ? [client.allowInsecureRequests] : []),
        ],
      })
      checkEndpoint(configuration, isPlain)
      return configuration
    } catch (error) {
      const failure = failureAt(this.name, error)
      if (failure.status >= 500) throw failure
      throw oauthProblems.providerAnswerInvalid({ provider: this.name, cause: error })
    }
  }
}

/** The browser is sent there. */
function checkEndpoint(configuration: Configuration, isPlain: boolean): void {
  const url = URL.parse(configuration.serverMetadata().authorization_endpoint ?? '')
  if (url?.protocol === 'https:' || (isPlain && url?.protocol === 'http:')) return
  throw new Error('the authorization endpoint is no https address')
}
