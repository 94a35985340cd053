import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, test } from 'node:test'
import { chromium } from 'playwright-core'
import puppeteer from 'puppeteer-core'
import { type Person, startApp } from '#test/app.ts'
import { serveHtml } from '#test/page-server.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const app = stack.use(await startApp({ browsers: true }))
const pages = stack.use(await serveHtml('<title>A shop</title><h1>Shop</h1>'))
const NOBODY = 'ses_00000000000000000000000000'

async function keyOf(person: Person, scopes = ['sessions.*']): Promise<string> {
  return (await person.post('/v1/api-keys', { name: 'ci', scopes })).body.key
}

const http = (url: string) => url.replace(/^ws/, 'http')

test('a GET without an upgrade is told to upgrade, whether there is such a session or not', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  const [cdp, live] = [new URL(body.cdpUrl).pathname, new URL(body.liveUrl).pathname]
  const nowhere = [`/cdp/${NOBODY}/x`, `/live/${NOBODY}/x`, `/cdp/${body.id}/wrong`]
  for (const path of ['/cdp', cdp, live, ...nowhere]) {
    const answer = await app.request('GET', path)
    assert.equal(answer.status, 426, path)
    assert.equal(answer.headers.get('upgrade'), 'websocket')
    assert.match(answer.headers.get('content-type') ?? '', /application\/problem\+json/)
    assert.equal(answer.body.code, `${path.split('/')[1]}.upgrade_required`)
    if (path.startsWith('/cdp'))
      assert.match(answer.body.suggestion, /browserWSEndpoint.*connectOverCDP/)
  }
  for (const id of [body.id, NOBODY]) {
    const path = `/v1/sessions/${id}/live`
    assert.equal((await app.request('GET', path)).status, 401)
    assert.equal((await ann.get(path)).status, 426)
  }
  assert.equal((await app.request('POST', '/cdp')).status, 405)
  await ann.delete(`/v1/sessions/${body.id}`)
})

test('a request that asks to upgrade to something else is answered as if it did not', async () => {
  const headers = { connection: 'upgrade', upgrade: 'h2c' }
  const status = await new Promise((resolve, reject) => {
    const sent = request(`${app.url}/health/live`, { headers }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    sent.once('error', reject)
    sent.end()
  })
  assert.equal(status, 200)
})

test('Puppeteer and Playwright find a browser of their own by an http address with a key', async () => {
  const ann = await app.person()
  const url = `${app.url}/cdp?apiKey=${await keyOf(ann)}&locale=de-DE`
  const first = await puppeteer.connect({ browserURL: url })
  const page = await first.newPage()
  await page.goto(pages.url)
  assert.equal(await page.evaluate(() => navigator.language), 'de-DE')
  await first.disconnect()
  for (const each of [url, url.replace('/cdp?', '/cdp/?')]) {
    const second = await chromium.connectOverCDP(each)
    const opened = await second.contexts()[0]!.newPage()
    assert.equal(await opened.evaluate(() => navigator.language), 'de-DE')
    await second.close()
  }
})

test('a key may come in a header, on both requests', async () => {
  const ann = await app.person()
  const headers = { authorization: `Bearer ${await keyOf(ann)}` }
  const found = await app.request('GET', '/cdp/json/version?width=800&height=600', { headers })
  assert.equal(
    found.body.webSocketDebuggerUrl,
    `${app.url.replace('http', 'ws')}/cdp?width=800&height=600`,
  )
  assert.match(found.body.Browser, /^Chrome\/\d+\./)
  const browser = await chromium.connectOverCDP(`${app.url}/cdp`, { headers })
  assert.equal(browser.contexts().length, 1)
  await browser.close()
  const again = await puppeteer.connect({ browserURL: `${app.url}/cdp`, headers })
  await again.disconnect()
})

test('a session is found by its own address, in each policy, and says what its browser is', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  const { status, body: version } = await app.request(
    'GET',
    `${new URL(body.cdpUrl).pathname}/json/version`,
  )
  assert.equal(status, 200, JSON.stringify(version))
  assert.equal(version.webSocketDebuggerUrl, body.cdpUrl)
  assert.match(version.Browser, /^(Headless)?Chrome\/\d+\./)
  assert.match(version['V8-Version'], /^\d+\.\d+/)
  assert.match(version['User-Agent'], /Mozilla/)
  const browser = await chromium.connectOverCDP(http(body.cdpUrl))
  await browser.contexts()[0]!.pages()[0]!.goto(pages.url)
  await browser.close()
  const same = await puppeteer.connect({ browserURL: http(body.cdpUrl) })
  assert.equal((await same.pages())[0]!.url(), `${pages.url}/`)
  await same.disconnect()
  const { body: less } = await ann.post(`/v1/sessions/${body.id}/urls`, { cdp: 'observer' })
  const observer = await app.request('GET', `${new URL(less.cdpUrl).pathname}/json/version/`)
  assert.equal(observer.body.webSocketDebuggerUrl, less.cdpUrl)
  await ann.delete(`/v1/sessions/${body.id}`)
  const ended = await app.request('GET', `${new URL(body.cdpUrl).pathname}/json/version`)
  assert.deepEqual([ended.status, ended.body.code], [409, 'session.closed'])
})

test('who has no right is told no more than the WebSocket would tell', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  const code = async (path: string, headers = {}) =>
    (await app.request('GET', path, { headers })).body.code
  assert.equal(await code('/cdp/json/version'), 'auth.unauthenticated')
  assert.equal(await code('/cdp/json/version?apiKey=gk_live_nonsense'), 'auth.key_invalid')
  const reader = await keyOf(ann, ['sessions.read'])
  assert.equal(await code(`/cdp/json/version?apiKey=${reader}`), 'auth.forbidden')
  const writer = await keyOf(ann)
  assert.equal(await code(`/cdp/json/version?apiKey=${writer}&width=7`), 'request.invalid')
  assert.equal(await code(`/cdp/json/version?apiKey=${writer}&moon=1`), 'request.invalid')
  const answers = [
    `/cdp/${body.id}/wrong`,
    `/cdp/${NOBODY}/wrong`,
    new URL(body.liveUrl).pathname.replace('live', 'cdp'),
  ]
  for (const path of answers) assert.equal(await code(`${path}/json/version`), 'session.not_found')
  await ann.delete(`/v1/sessions/${body.id}`)
})
