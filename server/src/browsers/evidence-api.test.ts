import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, test } from 'node:test'
import type { AddressInfo } from 'node:net'
import puppeteer from 'puppeteer-core'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { serveHtml } from '#test/page-server.ts'
import { TestClient } from './cdp/test-client.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const app = stack.use(await startApp({ browsers: true }))
const page = `<title>A shop</title><script>console.log('hello from the shop')</script>`
const pages = stack.use(await serveHtml(page))

test('a recorded session gives its timeline, HAR, console and trace, also while it goes on', async () => {
  const ann = await app.person()
  const recording = { frames: true, network: true }
  const { body, status } = await ann.post('/v1/sessions', { recording })
  assert.equal(status, 201, JSON.stringify(body))
  const path = `/v1/sessions/${body.id}`
  await ann.post(`${path}/navigate`, { url: pages.url })
  const manifest = await eventually('something is stored', async () => {
    const answer = await ann.get(`${path}/recording`)
    return answer.status === 200 && answer.body.parts.length > 0 && answer.body
  })
  assert.equal(manifest.complete, false)
  const part = await fetch(manifest.parts[0].url)
  assert.equal(part.status, 200)
  assert.equal((await part.arrayBuffer()).byteLength, manifest.parts[0].bytes)
  await eventually('what the page loaded and said is stored', async () => {
    const [har, lines] = [await ann.get(`${path}/har`), await ann.get(`${path}/console`)]
    const isThere = JSON.stringify(har.body).includes(`${pages.url}/`)
    return isThere && String(lines.body).includes('hello from the shop')
  })

  await ann.delete(path)
  const done = await eventually('it is complete', async () => {
    const answer = await ann.get(`${path}/recording`)
    return answer.body.complete && answer.body
  })
  assert.equal(done.endedBy, 'asked')
  const har = await ann.get(`${path}/har`)
  const urls = har.body.log.entries.map((entry: { request: { url: string } }) => entry.request.url)
  assert.ok(urls.includes(`${pages.url}/`), urls.join())
  const lines = await ann.get(`${path}/console`)
  assert.match(String(lines.body), /hello from the shop/)
  const trace = await ann.get(`${path}/trace`)
  assert.equal(trace.headers.get('content-type'), 'application/zip')
  assert.equal(trace.body.subarray(0, 2).toString(), 'PK')

  const stranger = await app.person('bob')
  for (const what of ['recording', 'har', 'console', 'trace', 'downloads']) {
    assert.equal((await stranger.get(`${path}/${what}`)).status, 404, what)
  }
})

test('what was not recorded is not there, and the answer says how to record', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  const answer = await ann.get(`/v1/sessions/${body.id}/har`)
  assert.deepEqual([answer.status, answer.body.code], [404, 'recording.not_recorded'])
  assert.match(answer.body.suggestion, /recording/)
  await ann.delete(`/v1/sessions/${body.id}`)
})

/** A page with a link to `/report`, which is something to be saved. */
async function serveReport() {
  const bytes = Buffer.alloc(300_000, 'gantry')
  const server = createServer((request, response) => {
    if (request.url !== '/report') return response.end('<a href="/report" download>get</a>')
    response.setHeader('content-disposition', `attachment; filename="a report.bin"`)
    response.end(bytes)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stack.defer(() => void server.close())
  return { bytes, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

test('what a page downloads is listed and can be fetched', async () => {
  const ann = await app.person()
  const { bytes, url } = await serveReport()
  const { body } = await ann.post('/v1/sessions')
  const path = `/v1/sessions/${body.id}`
  await ann.post(`${path}/navigate`, { url })
  await ann.post(`${path}/click`, { selector: 'a' })
  const file = await eventually('it is downloaded', async () => {
    const { items } = (await ann.get(`${path}/downloads`)).body
    return items[0]?.status === 'completed' && items[0]
  })
  assert.deepEqual([file.suggestedName, file.bytes], ['a report.bin', bytes.length])
  const fetched = await ann.get(`${path}/downloads/${file.id}`)
  assert.ok(bytes.equals(fetched.body))
  assert.match(fetched.headers.get('content-disposition') ?? '', /a%20report\.bin/)
  const none = await ann.get(`${path}/downloads/nonsense`)
  assert.deepEqual([none.status, none.body.code], [404, 'download.not_found'])
  await ann.delete(path)
})

test('a download is kept although it is the first that is asked of a browser', async () => {
  const ann = await app.person()
  const url = `${(await serveReport()).url}report`
  const rest = (await ann.post('/v1/sessions')).body
  const answer = await ann.post(`/v1/sessions/${rest.id}/navigate`, { url })
  assert.deepEqual([answer.status, answer.body.code], [502, 'browser.navigation_failed'])
  const cdp = (await ann.post('/v1/sessions')).body
  const client = await TestClient.open(cdp.cdpUrl)
  await client.send('Target.createTarget', { url })
  for (const { id } of [rest, cdp]) {
    await eventually('it is downloaded', async () => {
      const { items } = (await ann.get(`/v1/sessions/${id}/downloads`)).body
      return items[0]?.status === 'completed'
    })
    await ann.delete(`/v1/sessions/${id}`)
  }
})

test('control goes to one at a time, and back with an event', async () => {
  const ann = await app.person()
  const key = (await ann.post('/v1/api-keys', { name: 'bot', scopes: ['sessions.*'] })).body.key
  const bot = (method: string, path: string, body?: unknown) =>
    app.request(method, path, { body, headers: { authorization: `Bearer ${key}` } })
  const { body } = await bot('POST', '/v1/sessions', {})
  const path = `/v1/sessions/${body.id}`
  await bot('POST', `${path}/navigate`, { url: pages.url })
  const asked = { seconds: 60, reason: 'second factor' }
  const [granted, again] = await Promise.all([
    ann.post(`${path}/control`, asked),
    ann.post(`${path}/control`, asked),
  ])
  assert.deepEqual([granted.body.outcome, again.body.outcome], ['granted', 'granted'])
  assert.deepEqual(granted.body.holder, { kind: 'person', id: ann.userId })

  const refused = await bot('POST', `${path}/execute`, { script: '1' })
  assert.deepEqual([refused.status, refused.body.code], [409, 'session.controlled'])
  assert.equal((await bot('GET', `${path}/state`)).status, 200, 'looking is free')
  assert.equal((await bot('POST', `${path}/control`, {})).body.outcome, 'waiting')
  assert.equal((await bot('POST', `${path}/control`, { force: true })).status, 403)
  assert.equal((await ann.post(`${path}/execute`, { script: '40 + 2' })).body.result, 42)
  assert.equal((await ann.delete(`${path}/control`)).body.outcome, 'returned')
  assert.equal((await bot('POST', `${path}/execute`, { script: '1' })).status, 200)
  assert.equal((await ann.delete(`${path}/control`)).body.code, 'session.not_in_control')
  await bot('DELETE', path)
  const kinds = await eventually('it is written down', async () => {
    const all = await app.eventKinds(ann.accountId)
    const found = all.filter((kind) => kind.startsWith('control.'))
    return found.length >= 4 && found
  })
  assert.deepEqual(kinds.slice(0, 4), [
    ...['control.granted', 'control.requested', 'control.returned', 'control.granted'],
  ])
})

test('an address that allows less is made for those who may do less', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  const path = `/v1/sessions/${body.id}`
  await ann.post(`${path}/navigate`, { url: pages.url })
  const { body: less } = await ann.post(`${path}/urls`, { cdp: 'noCookies' })
  const browser = await puppeteer.connect({ browserWSEndpoint: less.cdpUrl })
  const [shop] = await browser.pages()
  assert.equal(await shop!.title(), 'A shop')
  const cdp = await shop!.createCDPSession()
  await assert.rejects(cdp.send('Network.getCookies'), /cookies/i)
  await browser.disconnect()
  assert.notEqual(less.liveUrl, body.liveUrl)
  await ann.delete(path)
  assert.equal((await ann.post(`${path}/urls`, {})).body.code, 'session.closed')
})

test('a refused request is told to the account, and the rules of a session can change', async () => {
  const ann = await app.person()
  const deny = [new URL(pages.url).host]
  const { body } = await ann.post('/v1/sessions', { egress: { deny } })
  const path = `/v1/sessions/${body.id}`
  assert.deepEqual(body.egress, { deny })
  const refused = await ann.post(`${path}/navigate`, { url: pages.url })
  assert.equal(refused.status, 200)
  assert.equal(refused.body.status, 403, 'the gateway’s own page says why')
  await eventually('it is told', async () =>
    (await app.eventKinds(ann.accountId)).includes('session.request_refused'),
  )
  assert.equal((await ann.patch(path, { egress: {} })).status, 200)
  assert.equal((await ann.post(`${path}/navigate`, { url: pages.url })).body.title, 'A shop')
  const wrong = await ann.post('/v1/sessions', { egress: { allow: ['no host!'] } })
  assert.equal(wrong.status, 400)
  assert.equal(wrong.body.errors[0].path, 'body.egress.allow.0')
  await ann.delete(path)
})
