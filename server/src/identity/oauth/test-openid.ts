import { exportJWK, generateKeyPair } from 'jose'
import Provider from 'oidc-provider'
import { TestServer } from './test-server.ts'

export const CLIENT = { clientId: 'gantry', clientSecret: 'a-secret-of-the-tests-and-nowhere-else' }

export interface Claims {
  email?: string
  email_verified?: boolean
  given_name?: string
  family_name?: string
}

/** A real OpenID provider in this process. Whoever comes with the cookie `who` is that person, and agrees to all. */
export class TestOpenId implements AsyncDisposable {
  readonly people = new Map<string, Claims>()
  readonly #server: TestServer

  private constructor(server: TestServer) {
    this.#server = server
  }

  get issuer(): string {
    return this.#server.origin
  }

  get asked(): string[] {
    return this.#server.asked
  }

  static async open(): Promise<TestOpenId> {
    return new TestOpenId(await TestServer.open())
  }

  /** From now on it serves the product at this address. */
  async serve(redirectUris: string[]): Promise<void> {
    const provider = new Provider(this.issuer, await this.#configuration(redirectUris))
    const callback = provider.callback()
    this.#server.answer = async (request, response) => {
      if (!request.url?.startsWith('/interaction/')) return callback(request, response)
      const { prompt, params } = await provider.interactionDetails(request, response)
      const accountId = /(?:^|; )who=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? 'nobody'
      if (accountId === 'nobody') {
        return provider.interactionFinished(request, response, { error: 'access_denied' })
      }
      if (prompt.name === 'login') {
        return provider.interactionFinished(request, response, { login: { accountId } })
      }
      const grant = new provider.Grant({ accountId, clientId: params.client_id! })
      grant.addOIDCScope('openid email profile')
      const consent = { grantId: await grant.save() }
      return provider.interactionFinished(request, response, { consent })
    }
  }

  async #configuration(redirectUris: string[]) {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    return {
      clients: [
        {
          ...{ client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret },
          ...{ redirect_uris: redirectUris, response_types: ['code'] },
          ...{ grant_types: ['authorization_code'], id_token_signed_response_alg: 'ES256' },
        },
      ],
      jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'one', alg: 'ES256', use: 'sig' }] },
      cookies: { keys: ['of the tests'] },
      pkce: { required: () => true },
      claims: {
        ...{ openid: ['sub'], email: ['email', 'email_verified'] },
        profile: ['given_name', 'family_name'],
      },
      features: { devInteractions: { enabled: false } },
      interactions: {
        url: (_ctx: unknown, interaction: { uid: string }) => `/interaction/${interaction.uid}`,
      },
      findAccount: (_ctx: unknown, sub: string) => ({
        accountId: sub,
        claims: () => ({ sub, ...this.people.get(sub) }),
      }),
      ttl: {
        AccessToken: 600,
        AuthorizationCode: 60,
        IdToken: 600,
        Interaction: 600,
        Session: 600,
        Grant: 600,
      },
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]()
  }
}
