import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { type Person, startApp } from '#test/app.ts'
import { WebBrowser } from '#test/web-browser.ts'
import { refusalOf, TestClient } from './channel/test-client.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const site = createServer((_request, response) =>
  response.setHeader('content-type', 'text/html').end('<title>a page of somebody</title>'),
)
await once(site.listen(0, '127.0.0.1'), 'listening')
stack.defer(() => {
  site.close()
  site.closeAllConnections()
})
const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
const app = stack.use(await startApp({ browsers: true, env: { CORS_ORIGINS: origin } }))
const web = stack.use(await WebBrowser.open())

const ticketOf = async (person: Person) =>
  (await person.post('/v1/auth/ws-ticket', { path: '/socket.io' })).body.ticket as string

/** What a script of a page does: asks for a ticket, opens the socket with it, and says what came of that. */
async function openFromPage(given: {
  api: string
  path: string
  key: string
  names: string[]
  first: string
}) {
  const { api, path, key, names, first } = given
  const answer = await fetch(`${api}/api/v1/auth/ws-ticket`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ path }),
  })
  const { ticket } = (await answer.json()) as { ticket: string }
  const offered = [...names, `gantry.ticket.${ticket}`]
  const socket = new WebSocket(api.replace('http', 'ws') + path, offered)
  const closed = new Promise<string>((resolve) => {
    socket.addEventListener('close', () => resolve('closed'))
  })
  Object.assign(globalThis, { socketClosed: closed })
  const said = new Promise<string>((resolve) => {
    socket.addEventListener('message', ({ data }) => typeof data === 'string' && resolve(data))
  })
  socket.addEventListener('open', () => first && socket.send(first))
  const message = await Promise.race([said, closed])
  const again = new WebSocket(socket.url, offered)
  const refused = await new Promise<string>((resolve) => {
    again.addEventListener('open', () => resolve('opened'))
    again.addEventListener('close', () => resolve('refused'))
  })
  return {
    message,
    refused,
    isTicket: socket.protocol === offered.at(-1),
    protocol: socket.protocol,
  }
}

test('T18: a page of another origin opens the live view and a browser with tickets alone, once each, until their key is revoked', async () => {
  const ann = await app.person('ann')
  const { body: session } = await ann.post('/v1/sessions')
  const scopes = { name: 'page', scopes: ['sessions.*'] }
  const { id, key } = (await ann.post('/v1/api-keys', scopes)).body
  await using visit = await web.visit(origin)
  const { page } = visit
  const live = { api: app.url, path: `/api/v1/sessions/${session.id}/live`, key, first: '' }
  const alone = await page.evaluate(openFromPage, { ...live, names: [] })
  assert.deepEqual([JSON.parse(alone.message).type, alone.refused], ['hello', 'refused'])
  assert.ok(alone.isTicket)
  const beside = await page.evaluate(openFromPage, { ...live, names: ['gantry'] })
  assert.deepEqual([JSON.parse(beside.message).type, beside.protocol], ['hello', 'gantry'])
  const first = JSON.stringify({ id: 1, method: 'Browser.getVersion' })
  for (const names of [[], ['gantry']]) {
    const cdp = await page.evaluate(openFromPage, { ...live, path: '/cdp', names, first })
    assert.match(JSON.parse(cdp.message).result.product, /Chrome/)
    assert.deepEqual([cdp.refused, cdp.isTicket], ['refused', names.length === 0])
  }
  await ann.delete(`/v1/api-keys/${id}`)
  const closed = await page.evaluate(
    () => (globalThis as unknown as { socketClosed: Promise<string> }).socketClosed,
  )
  assert.equal(closed, 'closed')
  await ann.delete(`/v1/sessions/${session.id}`)
})

test('T18: a live channel opens with a ticket once, by either transport, and goes on with another', async () => {
  const [ann, ben] = [await app.person('ann'), await app.person('ben')]
  for (const transports of [['polling'], ['websocket']]) {
    const auth = { ticket: await ticketOf(ann) }
    using client = new TestClient(app.url, { auth, transports })
    await client.connected()
    const state = await client.ask('state', { sessionId: 'ses_00000000000000000000000000' })
    assert.equal(state.problem.code, 'session.not_found')
    const again = await refusalOf(new TestClient(app.url, { auth, transports }))
    assert.equal(again.code, 'auth.ticket_invalid')
    const renewed = await client.ask('authenticate', { ticket: await ticketOf(ann) })
    assert.deepEqual(renewed, { ok: true, result: {} })
    const other = await client.ask('authenticate', { ticket: await ticketOf(ben) })
    assert.equal(other.problem.code, 'channel.other_person')
    assert.equal(client.socket.connected, true)
  }
})

test('a live channel that a ticket opened ends with the sign-in behind it', async () => {
  const ann = await app.person('ann')
  using client = new TestClient(app.url, { auth: { ticket: await ticketOf(ann) } })
  await client.connected()
  await ann.post('/v1/auth/logout')
  await client.closed()
  assert.deepEqual(
    client.closings.map(({ code }) => code),
    ['auth.unauthenticated'],
  )
})
