import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { sendJson, TestServer } from './test-server.ts'

interface Person {
  id: number
  name: string | null
  emails: { email: string; primary: boolean; verified: boolean }[]
}

/** The endpoints of a GitHub Enterprise Server that sign-in uses. Whoever comes with the cookie `who` is that person. */
export class TestGitHub implements AsyncDisposable {
  readonly people = new Map<string, Person>()
  readonly #server: TestServer
  readonly #visits = new Map<string, { who: string; challenge: string }>()

  private constructor(server: TestServer) {
    this.#server = server
    server.answer = (request, response) => this.#answer(request, response)
  }

  static async open(): Promise<TestGitHub> {
    return new TestGitHub(await TestServer.open())
  }

  get origin(): string {
    return this.#server.origin
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.origin)
    if (url.pathname === '/login/oauth/authorize') return this.#authorize(url, request, response)
    if (url.pathname === '/login/oauth/access_token') return this.#token(request, response)
    const person = this.people.get(
      request.headers.authorization?.replace('Bearer token-', '') ?? '',
    )
    if (!person || !request.headers['user-agent']) return sendJson(response, {}, 401)
    if (url.pathname === '/api/v3/user') return sendJson(response, person)
    if (url.pathname === '/api/v3/user/emails') return sendJson(response, person.emails)
    sendJson(response, {}, 404)
  }

  #authorize({ searchParams }: URL, request: IncomingMessage, response: ServerResponse): void {
    const who = /(?:^|; )who=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? ''
    const code = `code-${this.#visits.size}`
    this.#visits.set(code, { who, challenge: searchParams.get('code_challenge') ?? '' })
    const back = new URL(searchParams.get('redirect_uri')!)
    back.searchParams.set('code', code)
    back.searchParams.set('state', searchParams.get('state')!)
    back.searchParams.set('iss', `${this.origin}/login/oauth`)
    response.writeHead(302, { location: back.href }).end()
  }

  /** Like GitHub, it says no with a status of 200. */
  async #token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = new URLSearchParams(await text(request))
    const visit = this.#visits.get(body.get('code') ?? '')
    this.#visits.delete(body.get('code') ?? '')
    const verifier = body.get('code_verifier') ?? ''
    if (visit?.challenge !== createHash('sha256').update(verifier).digest('base64url')) {
      return sendJson(response, { error: 'bad_verification_code' })
    }
    sendJson(response, { access_token: `token-${visit.who}`, token_type: 'bearer', scope: 'user' })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]()
  }
}
