import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request as ask } from 'node:http'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { brotliDecompressSync } from 'node:zlib'
import { WebSocket, WebSocketServer } from 'ws'
import { eventually } from '#kernel/test-support.ts'
import { serve, serveHttp, speak, startAgent, startRelay, type TestRelay } from '../fixture.ts'
import { PASSWORD_HASH, secretHash } from './test-support.ts'

const seen: { rawHeaders: string[]; url?: string }[] = []
const TEXT = 'the same words again and again '.repeat(1_000)
const service = await serveHttp((request, response) => {
  seen.push({ rawHeaders: request.rawHeaders, url: request.url! })
  if (request.url === '/text') response.setHeader('content-type', 'text/plain').end(TEXT)
  else if (request.url === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
  } else response.end('served')
})
const sockets = new WebSocketServer({ noServer: true })
const relay = await startRelay()
after(async () => {
  await relay[Symbol.asyncDispose]()
  await service[Symbol.asyncDispose]()
})

const TOKEN = { id: 'tsh_token', kind: 'token', secretHash: secretHash('s3cret') } as const
let names = 0

async function open(change: Parameters<TestRelay['control']['add']>[2]) {
  const spec = relay.control.add(`gate${++names}`, [service.port], change)
  const agent = await startAgent(relay, [spec])
  return { spec, host: spec.hostnames[0]!, agent }
}

async function call(host: string, path = '/', headers: Record<string, string> = {}, body?: string) {
  const request = ask({
    ...{ port: relay.port, host: '127.0.0.1', path, method: body === undefined ? 'GET' : 'POST' },
    headers: { host, ...headers },
  })
  request.end(body)
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  return { status: answer.statusCode!, headers: answer.headers, body: await buffer(answer) }
}

test('a token, a link and a password open the way, and none of them reaches the service', async () => {
  const link = { id: 'tsh_link', kind: 'link', secretHash: secretHash('l1nk') } as const
  const tunnel = await open({
    access: { policy: 'password', passwordHash: PASSWORD_HASH, grants: [TOKEN, link] },
  })
  await using _agent = tunnel.agent
  const { host } = tunnel
  assert.equal((await call(host)).status, 401)
  const byToken = await call(host, '/a', { 'gantry-tunnel-token': 's3cret', cookie: 'own=1' })
  assert.deepEqual([byToken.status, String(byToken.body)], [200, 'served'])
  const byLink = await call(host, '/b?gantry_link=l1nk&c=1')
  assert.deepEqual([byLink.status, byLink.headers.location], [303, '/b?c=1'])
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  const form = 'password=open+sesame&to=%2Fd'
  const byPassword = await call(host, '/.gantry/password', type, form)
  assert.deepEqual([byPassword.status, byPassword.headers.location], [303, '/d'])
  for (const { headers } of [byLink, byPassword]) {
    const cookie = headers['set-cookie']!.map((text) => text.split(';')[0]).join('; ')
    assert.equal((await call(host, '/e', { cookie: `${cookie}; own=1` })).status, 200)
  }
  const told = seen.slice(-3)
  assert.deepEqual(
    told.map(({ url }) => url),
    ['/a', '/e', '/e'],
  )
  for (const { rawHeaders } of told) {
    assert.equal(rawHeaders[rawHeaders.findIndex((name) => /^cookie$/i.test(name)) + 1], 'own=1')
    assert.ok(!/gantry_|gantry-tunnel|s3cret|l1nk/i.test(rawHeaders.join()), rawHeaders.join())
  }
})

test('T62: of many links and cookies of many tunnels, each opens its own tunnel, and no other', async () => {
  // All have the same secrets and the same ids of grants: what tells tunnels apart is none of them.
  const links = Array.from({ length: 300 }, (_, at) => {
    return { id: `tsh_${at}`, kind: 'link', secretHash: secretHash(`l1nk${at}`) } as const
  })
  const access = { policy: 'password', passwordHash: PASSWORD_HASH, grants: links } as const
  const specs = Array.from({ length: 6 }, () => {
    const cookieKey = randomBytes(32).toString('base64url')
    return relay.control.add(`gate${++names}`, [service.port], { access: { ...access, cookieKey } })
  })
  await using _agent = await startAgent(relay, specs)
  const hosts = specs.map(({ hostnames }) => hostnames[0]!)
  const cookieOf = async (host: string, at: number) => {
    const { status, headers } = await call(host, `/?gantry_link=l1nk${at}`)
    assert.equal(status, 303)
    return headers['set-cookie']![0]!.split(';')[0]!
  }
  const kept = await Promise.all(
    hosts.map((host, at) => Promise.all([0, 150, 299 - at].map((link) => cookieOf(host, link)))),
  )
  seen.length = 0
  for (const [at, host] of hosts.entries()) {
    const others = kept.filter((_, of) => of !== at).flat()
    for (const cookie of others) assert.equal((await call(host, '/stolen', { cookie })).status, 401)
    // Nor do all of them together, nor one beside that of the visitor's own.
    assert.equal((await call(host, '/stolen', { cookie: others.join('; ') })).status, 401)
    for (const cookie of kept[at]!) {
      const both = `${others[0]}; ${cookie}`
      assert.equal((await call(host, '/own', { cookie: both })).status, 200)
    }
  }
  assert.ok(
    seen.every(({ url, rawHeaders }) => url === '/own' && !/gantry_/.test(rawHeaders.join())),
  )
  assert.equal(seen.length, hosts.length * 3)
})

test('a form that is too long, or never whole, is answered', async () => {
  const { host, agent } = await open({
    access: { policy: 'password', passwordHash: PASSWORD_HASH },
  })
  await using _agent = agent
  const head = (length: number) =>
    `POST /.gantry/password HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n` +
    `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${length}\r\n\r\n`
  const long = await speak(relay.port, `${head(20_000)}${'x'.repeat(20_000)}`)
  assert.match(long, /^HTTP\/1.1 400 /)
  assert.match(long, /tunnel\.bad_request/)
  const socket = connect(relay.port, '127.0.0.1')
  socket.write(`${head(20_000)}password=`)
  const other = await call(host)
  assert.equal(other.status, 401)
  socket.destroy()
})

async function openSocket(host: string, headers: Record<string, string>): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${relay.port}/socket`, {
    headers: { host, ...headers },
  })
  socket.on('error', () => {})
  await once(socket, 'open')
  return socket
}

test('T62: what a grant has let in is cut once it is taken back, and what another has is not', async () => {
  await using upgrading = await serveUpgrades()
  const other = { id: 'tsh_other', kind: 'token', secretHash: secretHash('other') } as const
  const spec = relay.control.add(`gate${++names}`, [upgrading.port], {
    access: { policy: 'token', grants: [TOKEN, other] },
  })
  await using _agent = await startAgent(relay, [spec])
  const host = spec.hostnames[0]!
  const cut = await openSocket(host, { 'gantry-tunnel-token': 's3cret' })
  const stays = await openSocket(host, { 'gantry-tunnel-token': 'other' })
  const stream = await streamOf(host, { 'gantry-tunnel-token': 's3cret' })
  const began = performance.now()
  relay.control.change(spec.id, { access: { grants: [other] } })
  await Promise.all([closed(cut), closed(stream)])
  assert.ok(performance.now() - began < 5_000)
  assert.equal(stays.readyState, WebSocket.OPEN)
  assert.equal((await call(host, '/', { 'gantry-tunnel-token': 's3cret' })).status, 401)
  relay.control.change(spec.id, { access: { generation: 2 } })
  await closed(stays)
})

test('what waits for its turn is not served any more once its grant was taken back', async () => {
  await using upgrading = await serveUpgrades()
  const other = { id: 'tsh_other', kind: 'token', secretHash: secretHash('other') } as const
  const spec = relay.control.add(`gate${++names}`, [upgrading.port], {
    access: { policy: 'token', grants: [TOKEN, other] },
    config: { maxConnections: 1, queueSeconds: 60 },
  })
  await using _agent = await startAgent(relay, [spec])
  const host = spec.hostnames[0]!
  const stream = await streamOf(host, { 'gantry-tunnel-token': 'other' })
  const waits = call(host, '/', { 'gantry-tunnel-token': 's3cret' })
  const served = () => relay.relay.facts.streams
  await eventually('it waits', () => served() >= 2)
  const access = { policy: 'password', passwordHash: PASSWORD_HASH, grants: [other] } as const
  relay.control.change(spec.id, { access })
  await eventually('it is known', async () => {
    return (await call(host, '/.gantry/password')).status === 401
  })
  stream.destroy()
  const { status, headers } = await waits
  assert.deepEqual([status, headers['gantry-tunnel-error']], [403, 'tunnel.taken_back'])
})

test('what a grant with an end has let in is cut at its end', async () => {
  await using upgrading = await serveUpgrades()
  const spec = relay.control.add(`gate${++names}`, [upgrading.port], {
    access: { policy: 'token', grants: [{ ...TOKEN, expiresAtMs: Date.now() + 1_500 }] },
  })
  await using _agent = await startAgent(relay, [spec])
  const host = spec.hostnames[0]!
  const socket = await openSocket(host, { 'gantry-tunnel-token': 's3cret' })
  await closed(socket)
  assert.ok(Date.now() >= spec.access.grants[0]!.expiresAtMs!)
  assert.equal((await call(host, '/', { 'gantry-tunnel-token': 's3cret' })).status, 401)
})

test('text is compressed for who takes it, and events come at once as they are', async () => {
  const { host, agent, spec } = await open({ config: { compression: true } })
  await using _agent = agent
  const packed = await call(host, '/text', { 'accept-encoding': 'br' })
  assert.deepEqual(
    [packed.headers['content-encoding'], packed.headers.vary],
    ['br', 'Accept-Encoding'],
  )
  assert.ok(packed.body.length < TEXT.length / 10)
  assert.equal(String(brotliDecompressSync(packed.body)), TEXT)
  assert.equal(String((await call(host, '/text')).body), TEXT)
  const events = await streamOf(host, { 'accept-encoding': 'br, gzip' }, '/events')
  assert.equal(events.headers['content-encoding'], undefined)
  const [first] = (await once(events, 'data')) as [Buffer]
  assert.equal(String(first), 'data: 1\n\n')
  events.destroy()
  relay.control.change(spec.id, { config: { compression: false } })
  await eventually('the change holds', async () => {
    const plain = await call(host, '/text', { 'accept-encoding': 'br' })
    return plain.headers['content-encoding'] === undefined
  })
})

test('a tunnel whose service is the tunnel itself ends at the second time', async () => {
  const spec = relay.control.add(`gate${++names}`, [relay.port])
  await using _agent = await startAgent(relay, [spec])
  const { status, body } = await call(spec.hostnames[0]!)
  assert.deepEqual([status, JSON.parse(String(body)).code], [508, 'tunnel.loop'])
})

/** However that comes about. */
function closed(one: { once(event: 'close', listener: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => one.once('close', resolve))
}

async function streamOf(host: string, headers: Record<string, string>, path = '/stream') {
  const request = ask({ port: relay.port, host: '127.0.0.1', path, headers: { host, ...headers } })
  request.on('error', () => {})
  request.end()
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  answer.on('error', () => {})
  return answer
}

/** A service that speaks WebSocket, and whose other answers never end. */
async function serveUpgrades() {
  return serve(
    createServer((_request, response) => response.writeHead(200).flushHeaders()).on(
      'upgrade',
      (request, socket, head) => sockets.handleUpgrade(request, socket, head, () => {}),
    ),
  )
}
