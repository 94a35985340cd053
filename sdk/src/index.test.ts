import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startApp } from '@gantry/server/test/app.ts'
import { serveHtml, servePages } from '@gantry/server/test/page-server.ts'
import { createClient, type Fetch, GantryError, type Tokens } from './index.ts'

const app = await startApp({ browsers: true })
const pages = await serveHtml(`<!doctype html><title>A shop</title>
  <input id="name"><button onclick="document.title = 'Hello ' + document.querySelector('input').value">go</button>
  <div style="height: 3000px">`)
after(async () => {
  await pages[Symbol.asyncDispose]()
  await app[Symbol.asyncDispose]()
})

/** The paths that a client has asked for, in order. */
function listen(): { fetch: Fetch; asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    fetch(request) {
      asked.push(new URL(request.url).pathname)
      return fetch(request)
    },
  }
}

async function refusalOf(work: Promise<unknown>): Promise<GantryError> {
  const error = await work.then(
    () => assert.fail('nothing was refused'),
    (error: unknown) => error,
  )
  assert.ok(error instanceof GantryError, String(error))
  return error
}

test('whoever signs in drives a browser of their own, from its start to its clean end', async () => {
  const { email, password } = await app.person()
  const gantry = createClient({ url: `${app.url}/` })
  assert.equal((await gantry.signIn({ email, password })).email, email)

  const session = await gantry.sessions.create({ locale: 'de-DE' })
  const opened = await session.navigate(pages.url)
  assert.deepEqual([opened.title, opened.status], ['A shop', 200])
  await session.type('#name', 'Ada')
  assert.equal((await session.click('button')).title, 'Hello Ada')
  const script = '(language, sum) => `${language} ${sum} ${navigator.language}`'
  assert.equal(await session.execute<string>(script, ['sum', 42]), 'sum 42 de-DE')
  assert.equal((await session.scroll({ y: 600 })).y, 600)
  const image = await session.screenshot({ format: 'jpeg', quality: 40 })
  assert.deepEqual([...image.subarray(0, 2)], [0xff, 0xd8])

  const same = await gantry.sessions.get(session.id)
  assert.equal((await same.state()).title, 'Hello Ada')
  const { data } = await gantry.GET('/api/v1/sessions', { params: { query: { limit: 5 } } })
  assert.deepEqual(
    data.items.map(({ id }) => id),
    [session.id],
  )
  const ended = await session.end()
  assert.deepEqual([ended.status, ended.wipe?.processes], ['closed', 0])

  await gantry.signOut()
  const { code, status } = await refusalOf(gantry.sessions.create())
  assert.deepEqual([code, status], ['auth.unauthenticated', 401])
})

test('a session ends with the block that uses it', async () => {
  const { accessToken } = await app.person()
  const gantry = createClient({ url: app.url, accessToken })
  let id: string
  {
    await using session = await gantry.sessions.create()
    id = session.id
    await session.navigate(pages.url)
  }
  assert.equal((await gantry.sessions.get(id)).created.endReason, 'asked')
})

test('a refusal is thrown with its code, what to change and where the log tells of it', async () => {
  const { accessToken } = await app.person()
  const gantry = createClient({ url: app.url, accessToken })
  const missing = await refusalOf(gantry.sessions.get(`ses_${'0'.repeat(26)}`))
  assert.deepEqual([missing.code, missing.status], ['session.not_found', 404])
  assert.match(missing.message, /^session\.not_found: There is no session ses_0/)
  assert.ok(missing.suggestion)
  assert.match(missing.correlationId!, /^[\w-]{36}$/)
  assert.deepEqual(missing.errors, [])

  // @ts-expect-error the types know every member of a body
  const wrong = await refusalOf(gantry.PUT('/api/v1/users/me', { body: { shoeSize: 43 } }))
  assert.equal(wrong.code, 'request.invalid')
  assert.match(wrong.errors[0]!.path + wrong.errors[0]!.message, /^body.*shoeSize/)
  // @ts-expect-error and every path
  assert.equal((await refusalOf(gantry.GET('/api/v1/nowhere'))).code, 'request.not_found')
})

test('an access token that counts no more is renewed, once for many requests', async () => {
  const { accessToken, refreshToken, userId } = await app.person()
  const { fetch, asked } = listen()
  const told: Tokens[] = []
  const gantry = createClient({
    ...{ url: app.url, fetch, refreshToken },
    accessToken: `${accessToken.slice(0, -4)}AAAA`,
    onTokens: (tokens) => told.push(tokens),
  })
  const body = { firstName: 'Ann' }
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => gantry.PUT('/api/v1/users/me', { body })),
  )
  for (const { data } of answers) assert.deepEqual([data.id, data.firstName], [userId, 'Ann'])
  assert.equal(asked.filter((path) => path === '/api/v1/auth/refresh').length, 1)
  assert.equal(told.length, 1)
  assert.notEqual(told[0]!.refreshToken, refreshToken)

  const next = createClient({ url: app.url, refreshToken: told[0]!.refreshToken })
  assert.equal((await next.GET('/api/v1/users/me')).data.id, userId)
})

test('a refresh token that counts no more is told as such, and asked about once for many requests', async () => {
  const { refreshToken } = await app.person()
  const first = createClient({ url: app.url, refreshToken })
  await first.GET('/api/v1/users/me')
  await first.signOut()

  const { fetch, asked } = listen()
  const late = createClient({ url: app.url, refreshToken, fetch })
  const call = () => refusalOf(late.GET('/api/v1/users/me'))
  for (const { code } of await Promise.all([call(), call(), call()])) {
    assert.equal(code, 'auth.invalid_refresh_token')
  }
  assert.deepEqual(asked, ['/api/v1/auth/refresh'])
})

test('an answer that no Gantry gave is an error too', async () => {
  await using proxy = await servePages((_request, response) => {
    response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>')
  })
  const { code, status } = await refusalOf(createClient({ url: proxy.url }).GET('/health'))
  assert.deepEqual([code, status], ['response.not_from_gantry', 502])
})

test('the environment names server and token where the program does not', async () => {
  const { accessToken, userId } = await app.person()
  process.env.GANTRY_URL = app.url
  process.env.GANTRY_API_KEY = accessToken
  const gantry = createClient()
  delete process.env.GANTRY_URL
  delete process.env.GANTRY_API_KEY
  assert.equal((await gantry.GET('/api/v1/users/me')).data.id, userId)
})
