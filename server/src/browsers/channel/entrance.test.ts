import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { after, test } from 'node:test'
import { text } from 'node:stream/consumers'
import { WebSocket } from 'ws'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { refusalOf, TestClient } from './test-client.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const app = stack.use(await startApp())
const ann = await app.person()
const HANDSHAKE = '/socket.io/?EIO=4&transport=polling'
const NO_SESSION = 'ses_00000000000000000000000000'

const open = (options = {}) => TestClient.open(app.url, ann.accessToken, options)
const get = (headers: Record<string, string>, path = HANDSHAKE, method = 'GET') =>
  app.request(method, path, { headers })

/** The answer to an upgrade. */
async function upgrade(headers: Record<string, string>): Promise<[number, string]> {
  const { hostname, port } = new URL(app.url)
  const path = '/socket.io/?EIO=4&transport=websocket'
  const key = { 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==', 'sec-websocket-version': '13' }
  const asked = request({
    ...{ hostname, port, path },
    headers: { connection: 'Upgrade', upgrade: 'websocket', ...key, ...headers },
  })
  asked.end()
  const { promise, resolve, reject } = Promise.withResolvers<[number, string]>()
  asked.once('error', reject)
  asked.once('response', async (answer) => resolve([answer.statusCode!, await text(answer)]))
  asked.once('upgrade', (answer, socket) => {
    socket.destroy()
    resolve([answer.statusCode!, ''])
  })
  return promise
}

test('a client comes in by polling alone, by WebSocket alone, and by the one after the other', async () => {
  for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
    using client = await open({ transports })
    const answer = await client.ask('state', { sessionId: NO_SESSION })
    assert.equal(answer.problem.code, 'session.not_found', transports.join())
  }
})

test('a header of the handshake is a credential too, looked at before anything is answered', async () => {
  const authorization = `Bearer ${ann.accessToken}`
  using client = new TestClient(app.url, { extraHeaders: { authorization } })
  await client.connected()
  assert.equal((await get({ authorization })).status, 200)
  const refused = await get({ authorization: 'Bearer nonsense' })
  assert.deepEqual([refused.status, refused.body.code], [401, 'auth.unauthenticated'])
  assert.match(refused.headers.get('content-type') ?? '', /problem\+json/)
  assert.equal((await upgrade({ authorization }))[0], 101)
  const [status, body] = await upgrade({ authorization: 'Bearer nonsense' })
  assert.deepEqual([status, JSON.parse(body).code], [401, 'auth.unauthenticated'])
})

test('without a token that counts nobody is let in, and a token in the query is none', async () => {
  const refusals = [
    await refusalOf(new TestClient(app.url)),
    await refusalOf(new TestClient(app.url, { auth: { token: 'nonsense' } })),
    await refusalOf(new TestClient(app.url, { auth: { token: { $ne: 1 } } })),
    await refusalOf(new TestClient(app.url, { query: { token: ann.accessToken } })),
  ]
  for (const { code } of refusals) assert.equal(code, 'auth.unauthenticated')
  const key = `gk_live_${'a'.repeat(49)}`
  const { code } = await refusalOf(new TestClient(app.url, { auth: { token: key } }))
  assert.equal(code, 'auth.key_invalid')
})

test('who shows no credential is cut, and what they send before it is not looked at', async () => {
  const socket = new WebSocket(
    `${app.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`,
  )
  await once(socket, 'open')
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(60_000) })
  await closed
  const early = new WebSocket(
    `${app.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`,
  )
  await once(early, 'open')
  early.send('42["command",{"sessionId":"x"}]')
  await once(early, 'close', { signal: AbortSignal.timeout(60_000) })
})

test('pages of other origins and under other names of the server are refused', async () => {
  const evil = { origin: 'https://evil.example' }
  const polled = await get(evil)
  assert.deepEqual([polled.status, polled.body.code], [403, 'channel.origin_refused'])
  assert.equal(polled.headers.get('access-control-allow-origin'), null)
  assert.equal((await get(evil, HANDSHAKE, 'OPTIONS')).status, 403)
  assert.equal((await upgrade(evil))[0], 403)
  assert.equal((await upgrade({ host: 'rebound.example' }))[0], 421)
  const own = { origin: app.url }
  const preflight = await get(own, HANDSHAKE, 'OPTIONS')
  assert.deepEqual(
    [preflight.status, preflight.headers.get('access-control-allow-origin')],
    [204, app.url],
  )
  assert.equal((await get(own)).status, 200)
  assert.equal((await upgrade(own))[0], 101)
  assert.equal((await get({}, HANDSHAKE, 'DELETE')).status, 405)
  assert.equal((await get({}, '/socket.iox/')).status, 404)
})

test('a key that is revoked, and a person who signs out, are cut with the reason', async () => {
  const made = await ann.post('/v1/api-keys', { name: 'robot', scopes: ['sessions.read'] })
  assert.equal(made.status, 201)
  using robot = await TestClient.open(app.url, made.body.key)
  const bob = await app.person('bob')
  using person = await TestClient.open(app.url, bob.accessToken)
  const written = await robot.command(NO_SESSION, 'navigate', { url: 'https://example.com/' })
  assert.equal(written.problem.code, 'auth.forbidden')

  await ann.delete(`/v1/api-keys/${made.body.id}`)
  assert.equal((await bob.post('/v1/auth/logout', {})).status, 204)
  for (const [client, code] of [
    [robot, 'auth.key_ended'],
    [person, 'auth.unauthenticated'],
  ] as const) {
    await eventually('it is cut', () => client.socket.disconnected)
    assert.deepEqual(
      client.closings.map((closing) => closing.code),
      [code],
    )
    assert.equal(client.socket.active, false)
  }
})

test('a fresh token of the same person goes on with the channel; one of another does not', async () => {
  const bob = await app.person('bob')
  using client = await open()
  const { email, password } = ann
  const { body } = await app.request('POST', '/v1/auth/login', { body: { email, password } })
  assert.equal((await client.ask('authenticate', { token: body.accessToken })).ok, true)
  const other = await client.ask('authenticate', { token: bob.accessToken })
  assert.equal(other.problem.code, 'channel.other_person')
  assert.equal(
    (await client.ask('authenticate', { token: 'x' })).problem.code,
    'auth.unauthenticated',
  )
  assert.equal(client.socket.connected, true)
})

test('whatever is sent, it is refused in the acknowledgement, and the server lives', async () => {
  using client = await open()
  let nested: unknown = 1
  for (let level = 0; level < 2_000; level++) nested = { fields: { a: nested } }
  const id = { sessionId: NO_SESSION }
  const expected: [string, unknown, string][] = [
    ['fly', {}, 'channel.unknown_event'],
    ['error', {}, 'channel.unknown_event'],
    ['__proto__', {}, 'channel.unknown_event'],
    ['constructor', {}, 'channel.unknown_event'],
    ['command', undefined, 'request.invalid'],
    ['command', 'text', 'request.invalid'],
    ['command', Buffer.from('bytes'), 'request.invalid'],
    ['command', { ...id, type: 'navigate', params: Buffer.from('x') }, 'request.invalid'],
    ['command', { ...id, type: '__proto__' }, 'request.invalid'],
    ['command', { ...id, type: 'extract', params: { schema: nested } }, 'request.malformed'],
    ['watch', { ...id, kinds: ['everything'] }, 'request.invalid'],
    ['watch', { ...id, after: -1 }, 'request.invalid'],
    ['watch', { sessionId: '../../etc' }, 'request.invalid'],
    ['watch', id, 'session.not_found'],
    ['unwatch', id, 'channel.not_watched'],
    ['control', { ...id, action: 'seize' }, 'request.invalid'],
    ['authenticate', { token: 7 }, 'request.invalid'],
  ]
  for (const [event, message, code] of expected) {
    assert.equal((await client.ask(event, message)).problem?.code, code, event)
  }
  const told = once(client.socket as never, 'problem', { signal: AbortSignal.timeout(60_000) })
  client.socket.emit('fly')
  assert.equal((await told)[0].code, 'channel.unknown_event')
})

test('broken packets end their own connection and nothing else', async () => {
  using bystander = await open()
  const packets = [
    ...['4', '49', '44"x"', '4x', '42', '42[', '42{}', '42["disconnect"]', '451-["x"]', 'b4AAAA'],
    ...[
      '4999-["x"]',
      '451-["a",{"_placeholder":true,"num":7}]',
      '43999[]',
      '40/other,',
      '2probe',
      '5',
    ],
    `42${'['.repeat(100_000)}`,
    Buffer.from([0xff, 0x00, 0x01]),
    'x'.repeat(2 * 1024 * 1024),
  ]
  for (const packet of packets) {
    const socket = new WebSocket(
      `${app.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`,
    )
    socket.on('error', () => {})
    await once(socket, 'open')
    socket.send(`40${JSON.stringify({ token: ann.accessToken })}`)
    const { promise, resolve } = Promise.withResolvers<void>()
    socket.on('message', (message) => String(message).startsWith('40') && resolve())
    await promise
    socket.send(packet)
    socket.send(packet)
    socket.send('42999["fly"]')
    await new Promise((done) => socket.once('message', done).once('close', done))
    socket.terminate()
  }
  assert.equal((await bystander.ask('fly')).problem.code, 'channel.unknown_event')
  assert.equal((await app.request('GET', '/health/live')).status, 200)
})

test('a client that sends too much is refused, and then sent away', async () => {
  using client = await open({ transports: ['websocket'] })
  const refused = new Set<string>()
  for (let sent = 0; sent < 1_500; sent++) {
    client.socket.emit('fly', {}, ({ problem }: { problem: { code: string } }) =>
      refused.add(problem.code),
    )
  }
  await eventually('some are refused', () => refused.has('channel.too_many_messages'))
  assert.equal(client.socket.connected, true)
  for (let sent = 0; sent < 20_000; sent++) client.socket.emit('fly', {})
  await eventually('it is sent away', () => client.socket.disconnected)
  assert.deepEqual(
    client.closings.map(({ code }) => code),
    ['channel.too_many_messages'],
  )
})

test('an account has at most 100 channels at once, and one that is closed makes room', async () => {
  const cara = await app.person('cara')
  const token = cara.accessToken
  const transports = ['websocket']
  const clients = await Promise.all(
    Array.from({ length: 100 }, () => TestClient.open(app.url, token, { transports })),
  )
  try {
    const over = new TestClient(app.url, { auth: { token }, transports })
    assert.equal((await refusalOf(over)).code, 'channel.too_many_sockets')
    const [status] = await upgrade({ authorization: `Bearer ${token}` })
    assert.equal(status, 429)
    using other = await open()
    assert.ok(other.socket.connected)
    clients.pop()!.socket.disconnect()
    await eventually('there is room', async () => {
      const again = new TestClient(app.url, { auth: { token }, transports })
      return again.connected().then(
        () => clients.push(again),
        () => again.socket.disconnect() && false,
      )
    })
  } finally {
    for (const client of clients) client[Symbol.dispose]()
  }
})

test('a server that stops sends its clients a word and lets them come back', async () => {
  const other = await startApp()
  const person = await other.person()
  using client = await TestClient.open(other.url, person.accessToken, { reconnection: false })
  const polling = { transports: ['polling'], reconnection: false }
  using polls = await TestClient.open(other.url, person.accessToken, polling)
  const reasons = Promise.all([client.closed(), polls.closed()])
  await other[Symbol.asyncDispose]()
  assert.deepEqual(await reasons, ['transport close', 'transport close'])
  for (const { closings } of [client, polls]) {
    assert.deepEqual(
      closings.map(({ code }) => code),
      ['server.stopping'],
    )
  }
})

test('what a message may not do is in the trail, by the message alone', async () => {
  const viewer = await app.person('viewer')
  const key = await viewer.post('/v1/api-keys', { name: 'x', scopes: ['sessions.read'] })
  using client = await TestClient.open(app.url, key.body.key)
  const message = { sessionId: NO_SESSION, type: 'navigate', params: { url: 'about:blank' } }
  const { problem } = await client.ask('command', message)
  assert.deepEqual([problem.status, problem.code], [403, 'auth.forbidden'])
  const { db } = app.app.systemContext()
  const told = await eventually('the entry', () =>
    db
      .selectFrom('events')
      .select('data')
      .where('kind', '=', 'access.refused')
      .where('target', '=', 'WS /socket.io command')
      .executeTakeFirst(),
  )
  assert.deepEqual(told.data, { wanted: 'WS /socket.io command', code: 'auth.forbidden', count: 1 })
})
