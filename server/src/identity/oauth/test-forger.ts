import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { CLIENT } from './test-openid.ts'
import { sendJson, TestServer } from './test-server.ts'

/** An OpenID provider that lies as a test wants it to. */
export class TestForger implements AsyncDisposable {
  readonly #server: TestServer
  readonly #key: CryptoKey
  readonly #jwks: object
  /** What it was told at the start of each visit, by the code that it gave. */
  readonly visits = new Map<string, URLSearchParams>()
  /** Instead of the claims that were right. */
  claims: JWTPayload = {}
  /** Instead of a token signed with its own key. */
  sign: ((claims: JWTPayload) => string | Promise<string>) | undefined
  /** Instead of its own discovery document. */
  metadata: object = {}
  /** More of the address that it sends browsers back to; an empty value takes a parameter away. */
  back: Record<string, string> = {}
  /** Answers a call of this path instead; whether it did. */
  instead: ((path: string, response: ServerResponse) => boolean) | undefined

  private constructor(server: TestServer, key: CryptoKey, jwks: object) {
    this.#server = server
    this.#key = key
    this.#jwks = jwks
    server.answer = (request, response) => this.#answer(request, response)
  }

  static async open(): Promise<TestForger> {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }] }
    return new TestForger(await TestServer.open(), privateKey, jwks)
  }

  get issuer(): string {
    return this.#server.origin
  }

  get asked(): string[] {
    return this.#server.asked
  }

  get server(): TestServer {
    return this.#server
  }

  /** Tells the truth again. */
  reset(): void {
    this.claims = {}
    this.sign = undefined
    this.metadata = {}
    this.back = {}
    this.instead = undefined
  }

  #answer(request: IncomingMessage, response: ServerResponse): unknown {
    const url = new URL(request.url ?? '/', this.issuer)
    if (this.instead?.(url.pathname, response)) return undefined
    if (url.pathname === '/.well-known/openid-configuration') {
      return sendJson(response, this.#document())
    }
    if (url.pathname === '/jwks') return sendJson(response, this.#jwks)
    if (url.pathname === '/token') return this.#token(request, response)
    return this.#authorize(url, response)
  }

  #document(): object {
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      jwks_uri: `${this.issuer}/jwks`,
      authorization_response_iss_parameter_supported: true,
      id_token_signing_alg_values_supported: ['ES256', 'HS256', 'none'],
      ...this.metadata,
    }
  }

  #authorize({ searchParams }: URL, response: ServerResponse): void {
    const code = `code-${this.visits.size}`
    this.visits.set(code, searchParams)
    const back = new URL(searchParams.get('redirect_uri')!)
    const query = { code, state: searchParams.get('state')!, iss: this.issuer, ...this.back }
    for (const [name, value] of Object.entries(query)) {
      if (value) back.searchParams.set(name, value)
    }
    response.writeHead(302, { location: back.href }).end()
  }

  /** Checks the verifier as every provider does. */
  async #token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = new URLSearchParams(await text(request))
    const visit = this.visits.get(body.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(body.get('code_verifier') ?? '')
      .digest('base64url')
    if (!visit || visit.get('code_challenge') !== challenge) {
      return sendJson(response, { error: 'invalid_grant' }, 400)
    }
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      ...{ iss: this.issuer, sub: 'forged', aud: CLIENT.clientId, iat: now, exp: now + 60 },
      nonce: visit.get('nonce')!,
      ...this.claims,
    }
    const token = await (this.sign ?? ((given) => this.signed(given)))(claims)
    sendJson(response, { access_token: 'x', token_type: 'Bearer', id_token: token })
  }

  signed(claims: JWTPayload, key: CryptoKey = this.#key): Promise<string> {
    return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(key)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]()
  }
}
