import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { chromium } from 'playwright-core'
import puppeteer from 'puppeteer-core'
import { WebSocket } from 'ws'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { serveHtml } from '#test/page-server.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const app = stack.use(await startApp({ browsers: true }))
const pages = stack.use(await serveHtml('<title>A shop</title><h1>Shop</h1>'))

/** The status with which an upgrade is refused, and the code of the problem. */
async function refusal(url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(url, { headers })
  const answered = Promise.withResolvers<{ status: number | undefined; code: unknown }>()
  socket.once('open', () => answered.reject(new Error('it was let in')))
  socket.once('error', () => {})
  socket.once('unexpected-response', (_request, response) => {
    let text = ''
    response.on('data', (chunk) => (text += String(chunk)))
    response.on('end', () => {
      const code = text ? (JSON.parse(text) as { code: string }).code : undefined
      answered.resolve({ status: response.statusCode, code })
    })
  })
  return answered.promise
}

test('Puppeteer drives a session by its cdpUrl, and finds its page again after a drop', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  const browser = await puppeteer.connect({ browserWSEndpoint: body.cdpUrl })
  const [page] = await browser.pages()
  await page!.goto(pages.url)
  assert.equal(await page!.title(), 'A shop')
  await browser.disconnect()

  const again = await puppeteer.connect({ browserWSEndpoint: body.cdpUrl })
  const [same] = await again.pages()
  assert.equal(same!.url(), `${pages.url}/`)
  await again.disconnect()
  const state = await ann.get(`/v1/sessions/${body.id}/state`)
  assert.equal(state.body.title, 'A shop')
  await ann.delete(`/v1/sessions/${body.id}`)
})

test('Playwright drives a browser of its own by an API key, and takes it along when it leaves', async () => {
  const ann = await app.person()
  const key = await ann.post('/v1/api-keys', { name: 'ci', scopes: ['sessions.*'] })
  assert.equal(key.status, 201, JSON.stringify(key.body))
  const url = `${app.url.replace('http', 'ws')}/cdp?apiKey=${key.body.key}&locale=de-DE`
  const browser = await chromium.connectOverCDP(url)
  const page = await browser.contexts()[0]!.newPage()
  await page.goto(pages.url)
  assert.equal(await page.evaluate(() => navigator.language), 'de-DE')
  const [session] = (await ann.get('/v1/sessions?status=active')).body.items
  assert.equal(session.userId, ann.userId)
  await browser.close()
  const ended = await eventually('the session has ended', async () => {
    const { body } = await ann.get(`/v1/sessions/${session.id}`)
    return body.wipe && body
  })
  assert.deepEqual([ended.status, ended.endReason], ['closed', 'disconnected'])
})

test('who has no right to a browser is told so before the upgrade', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  const [wrong, other] = [`${body.cdpUrl.slice(0, -4)}AAAA`, await app.person('bob')]
  assert.deepEqual(await refusal(wrong), { status: 404, code: 'session.not_found' })
  const live = body.liveUrl.replace('/live/', '/cdp/')
  assert.equal((await refusal(live)).status, 404, 'a live URL is no CDP URL')
  const base = app.url.replace('http', 'ws')
  assert.equal((await refusal(`${base}/cdp`)).code, 'auth.unauthenticated')
  assert.equal((await refusal(`${base}/cdp?apiKey=gk_live_nonsense`)).status, 401)
  const origin = { origin: 'https://evil.example' }
  assert.equal((await refusal(body.cdpUrl, origin)).status, 403)
  assert.equal((await refusal(body.cdpUrl, { host: 'evil.example' })).status, 421)
  const authorization = `Bearer ${other.accessToken}`
  const foreign = `${base}/api/v1/sessions/${body.id}/live`
  assert.deepEqual(await refusal(foreign, { authorization }), {
    ...{ status: 404, code: 'session.not_found' },
  })
  const query = await refusal(`${base}/cdp?moon=1`, { authorization })
  assert.deepEqual(query, { status: 400, code: 'request.invalid' })
  await ann.delete(`/v1/sessions/${body.id}`)
  assert.equal((await refusal(body.cdpUrl)).status, 409)
})

test('revoking the addresses cuts what is open by them, and new ones open', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  const socket = new WebSocket(body.cdpUrl)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await new Promise((resolve) => socket.once('open', resolve))
  const changed = await ann.patch(`/v1/sessions/${body.id}`, { revokeUrls: true })
  assert.equal(changed.status, 200, JSON.stringify(changed.body))
  assert.equal(await closed, 1008)
  assert.notEqual(changed.body.cdpUrl, body.cdpUrl)
  assert.equal((await refusal(body.cdpUrl)).status, 404)
  const browser = await puppeteer.connect({ browserWSEndpoint: changed.body.cdpUrl })
  await browser.disconnect()
  await ann.delete(`/v1/sessions/${body.id}`)
})

test('the end of a session closes its sockets with a reason', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  const sockets = [new WebSocket(body.cdpUrl), new WebSocket(body.liveUrl)]
  const closed = sockets.map(
    (socket) => new Promise<number>((resolve) => socket.once('close', resolve)),
  )
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('open', resolve))))
  await ann.delete(`/v1/sessions/${body.id}`)
  const codes = await Promise.all(closed)
  assert.equal(codes[0], 1001)
  assert.ok(codes[1]! >= 1000)
})
