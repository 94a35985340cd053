import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type Answer, startApp } from '#test/app.ts'

const app = await startApp({
  env: {
    ...{ CORS_ORIGINS: 'https://app.example', TRUSTED_PROXIES: '127.0.0.1' },
    UNAUTHENTICATED_REQUESTS: '100',
  },
})
after(() => app[Symbol.asyncDispose]())

const PASSWORD = 'violet tractor nine umbrellas'
const NAMES = ['__Host-gantry_session', '__Host-gantry_refresh', '__Host-gantry_csrf']

/** A page of the console, as far as its browser's headers go. */
class Page {
  readonly cookies = new Map<string, string>()
  csrf = ''

  headers(more: Record<string, string | undefined> = {}): Record<string, string> {
    const cookie = Array.from(this.cookies, ([name, value]) => `${name}=${value}`).join('; ')
    const sent = {
      ...{ cookie, origin: app.url, 'sec-fetch-site': 'same-origin', 'x-csrf-token': this.csrf },
      ...more,
    }
    const given = Object.entries(sent).filter(([, value]) => value !== undefined)
    return Object.fromEntries(given)
  }

  async send(
    method: string,
    path: string,
    body?: unknown,
    more: Record<string, string | undefined> = {},
  ): Promise<Answer> {
    const answer = await app.request(method, path, { body, headers: this.headers(more) })
    for (const line of answer.headers.getSetCookie()) {
      const [pair = '', ...rules] = line.split('; ')
      const [name = '', value = ''] = pair.split(/=(.*)/s)
      if (rules.includes('Max-Age=0')) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    if (answer.body.csrfToken) this.csrf = answer.body.csrfToken
    return answer
  }
}

async function signedIn(): Promise<{ page: Page; email: string; answer: Answer }> {
  const email = `${app.unique('page')}@example.com`
  const page = new Page()
  const body = { email, password: PASSWORD, session: 'cookie' }
  const answer = await page.send('POST', '/v1/auth/register', body)
  return { page, email, answer }
}

test('a page signs in by cookies that no script reads and no other site sends', async () => {
  const { page, email, answer } = await signedIn()
  assert.equal(answer.status, 201)
  assert.deepEqual(Object.keys(answer.body).sort(), ['csrfToken', 'expiresInSeconds', 'user'])
  const lines = answer.headers.getSetCookie()
  assert.deepEqual(
    lines.map((line) => line.split('=')[0]),
    NAMES,
  )
  for (const line of lines) {
    assert.match(line, /; Path=\/; Secure; SameSite=Strict(;|$)/)
    assert.ok(!/domain/i.test(line) && line.length < 4096)
    assert.equal(/; HttpOnly(;|$)/.test(line), !line.startsWith('__Host-gantry_csrf'))
  }
  const me = await page.send('GET', '/v1/users/me')
  assert.deepEqual([me.status, me.body.email], [200, email])
  const changed = await page.send('PUT', '/v1/users/me', { firstName: 'Ann' })
  assert.deepEqual([changed.status, changed.body.firstName], [200, 'Ann'])
})

test('a page refreshes without a body, and signing out ends its cookies', async () => {
  const { page } = await signedIn()
  const before = page.cookies.get('__Host-gantry_refresh')
  page.cookies.delete('__Host-gantry_session')
  assert.equal((await page.send('GET', '/v1/users/me')).status, 401)
  const renewed = await page.send('POST', '/v1/auth/refresh')
  assert.deepEqual([renewed.status, renewed.body.accessToken], [200, undefined])
  assert.notEqual(page.cookies.get('__Host-gantry_refresh'), before)
  assert.equal((await page.send('GET', '/v1/users/me')).status, 200)
  const kept = new Map(page.cookies)
  assert.equal((await page.send('POST', '/v1/auth/logout')).status, 204)
  assert.equal(page.cookies.size, 0)
  for (const [name, value] of kept) page.cookies.set(name, value)
  assert.equal((await page.send('GET', '/v1/users/me')).status, 401)
  assert.equal((await page.send('POST', '/v1/auth/refresh')).status, 401)
})

test('a page that changes its password goes on with new cookies', async () => {
  const { page } = await signedIn()
  const change = { currentPassword: PASSWORD, newPassword: 'orange bicycle seven lanterns' }
  const answer = await page.send('POST', '/v1/auth/change-password', change)
  assert.deepEqual([answer.status, answer.body.accessToken], [200, undefined])
  assert.equal((await page.send('PUT', '/v1/users/me', { firstName: 'Ann' })).status, 200)
})

test('T43: what may come from another site is refused, whatever it lacks', async () => {
  const { page } = await signedIn()
  const other = await signedIn()
  const wrong: Record<string, Record<string, string | undefined>> = {
    'another site': { 'sec-fetch-site': 'cross-site' },
    'a neighbouring site': { 'sec-fetch-site': 'same-site' },
    'a foreign origin': { origin: 'https://evil.example' },
    'an origin that may read': { origin: 'https://app.example' },
    'an origin of another port': { origin: 'http://127.0.0.1:1' },
    'no origin': { origin: undefined },
    'an opaque origin': { origin: 'null' },
    'no token': { 'x-csrf-token': undefined },
    'an empty token': { 'x-csrf-token': '' },
    'the token of another sign-in': { 'x-csrf-token': other.page.csrf },
  }
  for (const [what, headers] of Object.entries(wrong)) {
    for (const [method, path, body] of [
      ['PUT', '/v1/users/me', { firstName: 'Mallory' }],
      ['POST', '/v1/auth/refresh', undefined],
    ] as const) {
      const { status, body: problem } = await page.send(method, path, body, headers)
      assert.deepEqual([status, problem.code], [403, 'auth.cross_site_request'], `${what} ${path}`)
    }
  }
  const read = await page.send('GET', '/v1/users/me', undefined, { 'sec-fetch-site': 'cross-site' })
  assert.equal(read.status, 403)
  assert.equal((await page.send('GET', '/v1/users/me')).body.firstName, undefined)
})

test('T43: a form, an override of the method and a GET change nothing', async () => {
  const { page } = await signedIn()
  const text = { 'content-type': 'text/plain' }
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  for (const type of [text, form]) {
    const body = JSON.stringify({ firstName: 'Mallory' })
    assert.equal((await page.send('PUT', '/v1/users/me', body, type)).status, 415)
    const login = { email: 'x@example.com', password: PASSWORD, session: 'cookie' }
    const sent = await page.send('POST', '/v1/auth/login', JSON.stringify(login), type)
    assert.equal(sent.status, 415)
  }
  const override = { 'x-http-method-override': 'DELETE' }
  assert.equal((await page.send('GET', '/v1/users/me/devices', undefined, override)).status, 200)
  assert.equal((await page.send('GET', '/v1/auth/logout')).status, 405)
  assert.equal((await page.send('GET', '/v1/users/me')).status, 200)
})

test('T42: no page of a near miss of an allowed origin may read an answer', async () => {
  const { page } = await signedIn()
  const misses = ['null', 'http://app.example', 'https://evil-app.example']
  misses.push('https://app.example.evil', 'https://app.example:444')
  for (const origin of misses) {
    const { headers } = await page.send('GET', '/v1/users/me', undefined, { origin })
    assert.equal(headers.get('access-control-allow-origin'), null, origin)
  }
})

test('a refresh token counts in a cookie of its own only, and no API key counts in one', async () => {
  const { page } = await signedIn()
  const refresh = page.cookies.get('__Host-gantry_refresh')!
  page.cookies.set('__Host-gantry_session', refresh)
  assert.equal((await page.send('GET', '/v1/users/me')).status, 401)
  const ann = await app.person()
  const key = await ann.post('/v1/api-keys', { name: 'k', scopes: ['sessions.read'] })
  assert.equal(key.status, 201)
  page.cookies.set('__Host-gantry_session', key.body.key)
  assert.equal((await page.send('GET', '/v1/sessions')).status, 401)
})

test('an Authorization header comes before the cookies, and needs nothing beside it', async () => {
  const { page } = await signedIn()
  const ann = await app.person()
  const authorization = `Bearer ${ann.accessToken}`
  const headers = { authorization, 'x-csrf-token': undefined, origin: 'https://app.example' }
  const me = await page.send('PUT', '/v1/users/me', { firstName: 'Ann' }, headers)
  assert.deepEqual([me.status, me.body.email], [200, ann.email])
})

test('a page whose access token has ended is no stranger, however often it asks; one with a made-up token is', async () => {
  const { page } = await signedIn()
  const ended = new Map([...page.cookies].filter(([name]) => name !== '__Host-gantry_session'))
  const ask = async (cookies: ReadonlyMap<string, string>, from: string, times: number) => {
    const cookie = Array.from(cookies, ([name, value]) => `${name}=${value}`).join('; ')
    const headers = { cookie, 'x-forwarded-for': from }
    const answers = Array.from({ length: times }, () =>
      app.request('GET', '/v1/users/me', { headers }),
    )
    return new Set((await Promise.all(answers)).map(({ status }) => status))
  }
  assert.deepEqual(await ask(ended, '203.0.113.1', 110), new Set([401]))
  const forged = new Map([...ended, ['__Host-gantry_csrf', 'x'.repeat(43)]])
  assert.deepEqual(await ask(forged, '203.0.113.2', 110), new Set([401, 429]))
})
