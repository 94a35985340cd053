import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type TestContext, after, test } from 'node:test'
import { WebSocketServer } from 'ws'
import { openAddressGuard } from '#kernel/addresses.ts'
import { eventually } from '#kernel/test-support.ts'
import { listen } from './egress-fixture.ts'
import { openHttpUpstream, openSocksUpstream } from './egress-fixture-upstreams.ts'
import { IDENTITY, evaluate, openTestHost } from './fixture.ts'

const { host, ...place } = await openTestHost({
  guard: openAddressGuard({
    allow: ['127.0.0.1'],
    lookup: () => Promise.reject(Object.assign(new Error(), { code: 'ENOTFOUND' })),
  }),
})
after(() => place[Symbol.asyncDispose]())

async function openEchoSite(t: TestContext) {
  const server = createServer((_request, reply) => {
    reply.setHeader('content-type', 'text/html')
    reply.end('<body>page')
  })
  const sockets = new WebSocketServer({ server, perMessageDeflate: false })
  sockets.on('connection', (socket) => socket.on('message', (text) => socket.send(String(text))))
  t.after(() => server.closeAllConnections())
  return { port: await listen(t, server), sockets: sockets.clients }
}

const echo = (url: string, size: number) => `new Promise((done) => {
  const socket = new WebSocket('${url}')
  socket.onopen = () => socket.send('x'.repeat(${size}))
  socket.onmessage = ({ data }) => { done(data.length); socket.close() }
  socket.onerror = () => done('failed')
})`

for (const [kind, open] of Object.entries({ SOCKS5: openSocksUpstream, HTTP: openHttpUpstream })) {
  test(`pages and WebSockets of a browser leave by its ${kind} upstream, and are counted`, async (t) => {
    const { port } = await openEchoSite(t)
    const upstream = await open(t)
    const session = `ses_${kind.toLowerCase()}`
    t.after(() => host.end(session))
    const egress = { upstream: upstream.url }
    const { endpoint } = await host.launch(session, IDENTITY, { egress })

    const size = 200_000
    const socketUrl = `ws://sockets.example:${port}/`
    const length = await evaluate(endpoint, echo(socketUrl, size), `http://site.example:${port}/`)

    assert.equal(length, size)
    assert.deepEqual(
      new Set(upstream.asked),
      new Set([`site.example:${port}`, `sockets.example:${port}`]),
    )
    const { sentBytes, receivedBytes, refused } = host.traffic(session)!
    // Beside the payload: a frame or two, the handshakes, the page and its icon.
    for (const bytes of [sentBytes, receivedBytes]) {
      assert.ok(bytes > size && bytes < size + 20_000, `${bytes} bytes`)
    }
    assert.equal(refused, 0)
  })
}

test('a page says that the proxy of its session refused its credentials, and nobody is asked for others', async (t) => {
  const { url } = await openHttpUpstream(t)
  t.after(() => host.end('ses_credentials'))
  const egress = { upstream: url.replace(/:[^:]*@/, ':wrong@') }
  const { endpoint } = await host.launch('ses_credentials', IDENTITY, { egress })

  const page = 'http://site.example/'
  const text = await evaluate<string>(endpoint, 'document.body.textContent', page)
  const tunnel = `fetch('https://secure.example/').then(() => 'opened', (error) => error.message)`
  const answer = await evaluate<string>(endpoint, tunnel)

  assert.match(text, /proxy refused its credentials/)
  assert.equal(answer, 'Failed to fetch')
  assert.equal(
    host.troubleWith('ses_credentials', 'secure.example', 443)!.reason,
    'upstream_credentials',
  )
})

test('rules that change while a browser runs hold at once', async (t) => {
  const { port, sockets } = await openEchoSite(t)
  t.after(() => host.end('ses_live'))
  const { endpoint } = await host.launch('ses_live', IDENTITY)
  const script = `new Promise((done) => {
    const socket = new WebSocket('ws://127.0.0.1:${port}/')
    socket.onclose = () => done('cut')
  })`
  const cut = evaluate(endpoint, script, `http://127.0.0.1:${port}/`)
  await eventually('the socket is open', () => sockets.size === 1)

  await host.admit('ses_live', { allow: ['elsewhere.example'] })

  assert.equal(await cut, 'cut')
  const page = `http://127.0.0.1:${port}/`
  const text = await evaluate<string>(endpoint, 'document.body.textContent', page)
  assert.match(text, /allow other hosts only/)
})
