import type { Configuration, CustomFetch } from 'openid-client'
import { z } from 'zod'
import { addressOf, identityOf, namesOf } from './claims.ts'
import { failureAt } from './failures.ts'
import type { Proof, Provider, Visit } from './provider.ts'

const TIMEOUT_SECONDS = 10
const ACCEPTED = {
  accept: 'application/vnd.github+json',
  'user-agent': 'gantry',
  'x-github-api-version': '2022-11-28',
}

const Person = z.object({ id: z.int().positive(), name: z.string().nullish() })
const Addresses = z.array(
  z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }),
)

interface GitHubSettings {
  clientId: string
  clientSecret: string
  /** `https://github.com`, or the origin of an Enterprise Server. */
  origin: string
}

/** GitHub speaks OAuth 2.0 only: who it is, and their address, its own API tells. */
export class GitHubProvider implements Provider {
  readonly id = 'github'
  readonly name = 'GitHub'
  readonly provesAgain = false
  readonly #settings: GitHubSettings
  readonly #fetch: CustomFetch
  #client: Promise<Configuration> | undefined

  constructor(settings: GitHubSettings, { fetch }: { fetch: CustomFetch }) {
    this.#settings = settings
    this.#fetch = fetch
  }

  async authorizationUrl({ redirectUri, state, verifier }: Visit): Promise<URL> {
    const { buildAuthorizationUrl, calculatePKCECodeChallenge } = await import('openid-client')
    return buildAuthorizationUrl(await this.#configure(), {
      ...{ redirect_uri: redirectUri, scope: 'read:user user:email', state },
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
  }

  async identify(answer: URL, { state, verifier }: Visit): Promise<Proof> {
    try {
      const { authorizationCodeGrant } = await import('openid-client')
      const checks = { pkceCodeVerifier: verifier, expectedState: state }
      const client = await this.#configure()
      const { access_token: token } = await authorizationCodeGrant(client, answer, checks)
      const { id, name } = Person.parse(await this.#read('/user', token))
      const addresses = Addresses.parse(await this.#read('/user/emails?per_page=100', token))
      const primary = addresses.find((one) => one.primary && one.verified)
      return {
        ...identityOf(this.#settings.origin, String(id)),
        ...addressOf(primary?.email, true),
        ...namesOf(name, undefined),
      }
    } catch (error) {
      throw failureAt(this.name, error)
    }
  }

  /** Nothing is asked for: where everything is has not changed in years. */
  #configure(): Promise<Configuration> {
    this.#client ??= this.#configured()
    return this.#client
  }

  async #configured(): Promise<Configuration> {
    const { origin, clientId, clientSecret } = this.#settings
    const client = await import('openid-client')
    const server = {
      issuer: `${origin}/login/oauth`,
      authorization_endpoint: `${origin}/login/oauth/authorize`,
      token_endpoint: `${origin}/login/oauth/access_token`,
    }
    const configuration = new client.Configuration(server, clientId, clientSecret)
    configuration[client.customFetch] = this.#fetch
    configuration.timeout = TIMEOUT_SECONDS
    if (origin.startsWith('http:')) client.allowInsecureRequests(configuration)
    return configuration
  }

  async #read(path: string, token: string): Promise<unknown> {
    const { origin } = this.#settings
    const api = origin === 'https://github.com' ? 'https://api.github.com' : `${origin}/api/v3`
    const headers = { ...ACCEPTED, authorization: `Bearer ${token}` }
    const call = { method: 'GET', headers, body: undefined, redirect: 'manual' } as const
    const answer = await this.#fetch(api + path, call)
    if (answer.status !== 200) throw answer
    return answer.json()
  }
}
