import assert from 'node:assert/strict'

export interface Answer {
  status: number
  // A test knows what it asked for.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any
}

const PASSWORD = 'plum-harbour-quiet-lantern-93'
let accounts = 0

/** Somebody with an account of their own at a server, in whatever process that runs. */
export class Account {
  readonly url: string
  readonly token: string

  static async register(url: string): Promise<Account> {
    const email = `somebody-${process.pid}-${++accounts}@example.test`
    const { status, body } = await send(url, 'POST', '/auth/register', {
      body: { email, password: PASSWORD },
    })
    assert.equal(status, 201, JSON.stringify(body))
    return new Account(url, body.accessToken)
  }

  constructor(url: string, token: string) {
    this.url = url
    this.token = token
  }

  get(path: string): Promise<Answer> {
    return send(this.url, 'GET', path, this)
  }

  post(path: string, body: unknown = {}): Promise<Answer> {
    return send(this.url, 'POST', path, { token: this.token, body })
  }

  delete(path: string): Promise<Answer> {
    return send(this.url, 'DELETE', path, this)
  }

  /** Ends the addresses of a session; gives the new ones. */
  async revoke(id: string): Promise<Answer['body']> {
    const body = { revokeUrls: true }
    return (await send(this.url, 'PATCH', `/sessions/${id}`, { token: this.token, body })).body
  }

  /** Somebody else of the same account: a program with a key. */
  async program(...scopes: string[]): Promise<Account> {
    const { status, body } = await this.post('/api-keys', { name: 'bot', scopes })
    assert.equal(status, 201, JSON.stringify(body))
    return new Account(this.url, body.key)
  }
}

async function send(
  url: string,
  method: string,
  path: string,
  { token, body }: { token?: string; body?: unknown },
): Promise<Answer> {
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, body: isJson && text ? JSON.parse(text) : text }
}
