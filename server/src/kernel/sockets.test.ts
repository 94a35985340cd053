import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { after, test } from 'node:test'
import pino from 'pino'
import { WebSocket } from 'ws'
import type { Actor, Context } from './context.ts'
import { httpProblems } from './http/problems.ts'
import type { Refusal } from './refusal.ts'
import { type AnySocket, SocketDispatcher } from './sockets.ts'
import { eventually } from './test-support.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())

/** What the dispatcher asks of a context: who acts, and until when. */
const contextOf = (actor: Actor) =>
  ({ actor, with: (change: object) => ({ ...contextOf(actor), ...change }) }) as unknown as Context

const refusals: Refusal[] = []
let admitting = false
const slow = { go: Promise.withResolvers<void>() }

const echo: AnySocket = {
  path: '/echo/',
  summary: 'Says what was said',
  maxMessageBytes: 1_000,
  admit: async (ctx, { url }) => {
    if (url.pathname === '/echo/guessed') throw httpProblems.noAccount()
    if (ctx.actor.kind === 'anonymous') throw httpProblems.unauthenticated()
    if (url.pathname === '/echo/locked') throw httpProblems.forbidden({ permission: 'x' })
    if (url.pathname === '/echo/slow') {
      admitting = true
      await slow.go.promise
    }
    if (url.pathname === '/echo/lost') throw httpProblems.noAccount()
    if (url.pathname === '/echo/broken') throw new Error('a bug')
    return url.pathname
  },
  open: (_ctx, socket, grant) => {
    socket.send(`hello ${grant}`)
    socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }))
  },
}

let waited: AbortSignal | undefined
const waits: AnySocket = {
  ...{ path: '/waits', summary: 'Admits nobody', admitTimeoutMs: 60_000 },
  admit: async ({ signal }) => {
    waited = signal
    await once(signal, 'abort')
    throw httpProblems.forbidden({ permission: 'x' })
  },
  take: () => Promise.reject(new Error('nobody was admitted')),
}

async function start(options: { pingEveryMs?: number } = {}) {
  const server = createServer()
  const dispatcher = new SocketDispatcher({
    sockets: [echo, waits],
    log: pino({ level: 'silent' }),
    authenticate: async ({ headers }) => {
      if (headers.authorization === 'bad') throw httpProblems.unauthenticated()
      const user = { userId: 'usr_1', accountId: 'acc_1', signInId: 'sin_1', roles: [] }
      return headers.authorization ? { kind: 'user', ...user } : { kind: 'anonymous' }
    },
    contextFor: contextOf,
    refused: (refusal) => refusals.push(refusal),
    allowsOrigin: (origin) => origin === 'https://app.example',
    allowsHost: (host) => host !== 'evil.example',
    ...options,
  })
  dispatcher.attach(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(() => void server.close())
  stack.use(dispatcher)
  return { dispatcher, port: (server.address() as AddressInfo).port }
}

const { dispatcher, port } = await start()
const GOOD = { authorization: 'good' }

function dial(path: string, headers: Record<string, string> = GOOD, at = port): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${at}${path}`, { headers })
  socket.on('error', () => undefined)
  return socket
}

/** The status with which an upgrade was refused. */
async function refusal(path: string, headers?: Record<string, string>): Promise<number> {
  const socket = dial(path, headers)
  const [, { statusCode }] = await once(socket, 'unexpected-response')
  return statusCode
}

async function opened(path: string, headers?: Record<string, string>, at?: number) {
  const socket = dial(path, headers, at)
  const [hello] = await once(socket, 'message')
  return { socket, hello: String(hello) }
}

const closeCode = async (socket: WebSocket) => (await once(socket, 'close'))[0] as number

test('who may not enter hears so before the upgrade, and nothing is opened', async () => {
  assert.equal(await refusal('/echo/x', {}), 401)
  assert.equal(await refusal('/echo/x', { authorization: 'bad' }), 401)
  assert.equal(await refusal('/echo/locked'), 403)
  assert.equal(await refusal('/nowhere'), 404)
  assert.equal(await refusal('/echo'), 404)
  assert.equal(await refusal('//echo/x'), 404)
  assert.equal(await refusal('/echo/broken'), 500)
  assert.equal(dispatcher.openSockets, 0)
})

test('that somebody who is signed in may not enter is told, with where they are; of strangers it is not', async () => {
  refusals.length = 0
  await refusal('/echo/x', {})
  await refusal('/echo/locked', { ...GOOD, 'user-agent': 'dialer/1' })
  const [told] = refusals
  assert.equal(refusals.length, 1)
  assert.deepEqual(told!.client, { address: '127.0.0.1', agent: 'dialer/1' })
  assert.deepEqual([told!.wanted, told!.code], ['WS /echo/', 'auth.forbidden'])
})

test('T15: pages of elsewhere, wrong names and guessed addresses are told, whoever sends them', async () => {
  refusals.length = 0
  const [origin, host] = ['https://evil.example', 'evil.example']
  assert.equal(await refusal('/echo/x', { ...GOOD, origin }), 403)
  assert.equal(await refusal('/echo/x', { ...GOOD, origin: 'null' }), 403)
  assert.equal(await refusal('/echo/x', { ...GOOD, host }), 421)
  assert.equal(await refusal('/echo/guessed', {}), 404)
  assert.equal(await refusal('/echo/lost'), 404, 'as over HTTP, of who is signed in it is not')
  assert.deepEqual(
    refusals.map(({ actor, code }) => `${actor.kind} ${code}`),
    [
      ...['anonymous socket.origin_refused', 'anonymous socket.origin_refused'],
      ...['anonymous socket.wrong_host', 'anonymous account.not_found'],
    ],
  )
})

test('a page of another origin may not open a socket; ours and programs may', async () => {
  for (const origin of ['https://evil.example', 'null', 'https://app.example.evil']) {
    assert.equal(await refusal('/echo/x', { ...GOOD, origin }), 403)
  }
  const { socket, hello } = await opened('/echo/x', { ...GOOD, origin: 'https://app.example' })
  assert.equal(hello, 'hello /echo/x')
  socket.send('and back')
  assert.equal(String((await once(socket, 'message'))[0]), 'and back')
  socket.close()
  await closeCode(socket)
  await eventually('it is forgotten', () => dispatcher.openSockets === 0)
})

test('a message above the maximum closes the socket with 1009, whole or in fragments', async () => {
  const { socket: whole } = await opened('/echo/x')
  whole.send(Buffer.alloc(1_001))
  assert.equal(await closeCode(whole), 1009)
  const { socket: parts } = await opened('/echo/x')
  for (let n = 0; n < 11; n++) parts.send(Buffer.alloc(100), { fin: false })
  assert.equal(await closeCode(parts), 1009)
})

test('bytes that are no frames of a client close the socket', async () => {
  for (const [frame, code] of [
    [[0x81, 0x02, 0x61, 0x62], 1002],
    [[0xc1, 0x80, 0, 0, 0, 0], 1002],
    [[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007],
  ] as const) {
    const { socket } = await opened('/echo/x')
    const raw = (socket as unknown as { _socket: Socket })._socket
    raw.write(Buffer.from(frame))
    assert.equal(await closeCode(socket), code)
  }
})

test('compression is not taken, so a small message cannot unfold into a large one', async () => {
  const { socket } = await opened('/echo/x')
  assert.equal(socket.extensions, '')
  socket.terminate()
})

test('at shutdown every socket is closed with 1012, a silent one is cut, and new ones are refused', async () => {
  const own = await start()
  const polite = await opened('/echo/x', GOOD, own.port)
  const silent = await opened('/echo/x', GOOD, own.port)
  ;(silent.socket as unknown as { _socket: Socket })._socket.pause()
  const code = closeCode(polite.socket)
  const entering = dial('/echo/slow', GOOD, own.port)
  await eventually('it is being admitted', () => admitting)
  const closed = own.dispatcher[Symbol.asyncDispose]()
  slow.go.resolve()
  const [, refused] = await once(entering, 'unexpected-response')
  assert.equal(refused.statusCode, 503)
  const late = dial('/echo/x', GOOD, own.port)
  const [, { statusCode }] = await once(late, 'unexpected-response')
  assert.equal(statusCode, 503)
  assert.equal(await code, 1012)
  await closed
  assert.equal(own.dispatcher.openSockets, 0)
  silent.socket.terminate()
})

test('a socket whose other end has silently gone is noticed, and one that answers stays', async () => {
  const own = await start({ pingEveryMs: 3_000 })
  const living = await opened('/echo/x', GOOD, own.port)
  const raw = connect(own.port, '127.0.0.1')
  raw.write(
    `GET /echo/x HTTP/1.1\r\nhost: x\r\nauthorization: good\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
      `sec-websocket-version: 13\r\nsec-websocket-key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`,
  )
  raw.resume()
  await eventually('both are open', () => own.dispatcher.openSockets === 2)
  await once(raw, 'close')
  await eventually('it is forgotten', () => own.dispatcher.openSockets === 1)
  living.socket.send('still here')
  assert.equal(String((await once(living.socket, 'message'))[0]), 'still here')
  living.socket.terminate()
})

test('a client that hangs up while it is admitted is noticed', async () => {
  const raw = connect(port, '127.0.0.1')
  raw.on('error', () => {})
  raw.end(
    'GET /waits HTTP/1.1\r\nhost: a.test\r\nauthorization: good\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
  )
  await eventually('its admission is aborted', () => waited?.aborted)
})

test('a refused client that does not hang up is cut', async () => {
  const raw = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const closed = new Promise((resolve) => raw.once('close', resolve))
  raw.on('error', () => {})
  raw.resume()
  raw.write('GET /nowhere HTTP/1.1\r\nhost: a.test\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n')
  await once(raw, 'end')
  // What is written to a connection that the server still held would be taken.
  const writing = setInterval(() => raw.write('x'), 100)
  await closed
  clearInterval(writing)
})
