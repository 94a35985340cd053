import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { after, test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { eventually, keptMib } from '#kernel/test-support.ts'
import { serve, serveHttp, speak, startAgent, startRelay } from '../fixture.ts'

const relay = await startRelay()
after(() => relay[Symbol.asyncDispose]())

const sockets = new WebSocketServer({ noServer: true, maxPayload: 200 * 1024 * 1024 })
sockets.on('connection', (socket) => {
  socket.on('error', () => {})
  socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }))
})
const server = createServer((_, answer) => answer.end('plain'))
server.on('upgrade', (asked: IncomingMessage, socket: Duplex, head: Buffer) => {
  if (asked.url === '/refused')
    return void socket.end('HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno')
  sockets.handleUpgrade(asked, socket, head, (opened) => sockets.emit('connection', opened))
})
const service = await serve(server)
after(() => service[Symbol.asyncDispose]())
const spec = relay.control.add('talk', [service.port])
const agent = await startAgent(relay, [spec])
after(() => agent[Symbol.asyncDispose]())

const open = async (path = '/') => {
  const socket = new WebSocket(`ws://127.0.0.1:${relay.port}${path}`, {
    headers: { host: 'talk.localhost' },
    perMessageDeflate: false,
  })
  socket.on('error', () => {})
  await once(socket, 'open')
  return socket
}

/** A WebSocket whose frames the test writes itself. */
async function handshake(): Promise<Socket> {
  const raw = connect(relay.port, '127.0.0.1')
  raw.on('error', () => {})
  raw.write(
    'GET / HTTP/1.1\r\nHost: talk.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  await once(raw, 'data')
  return raw
}

test('a WebSocket passes, with what is said at once, and ends on both sides', async () => {
  const socket = await open('/chat?x=1')
  for (const text of ['a', 'b'.repeat(100_000)]) {
    const heard = once(socket, 'message')
    socket.send(text)
    assert.equal(String((await heard)[0]), text)
  }
  socket.close(1000)
  await once(socket, 'close')
  await eventually('the service has none', () => sockets.clients.size === 0)
  await eventually(
    'it is counted as one',
    () => relay.control.counted(spec.id, 'connections') === 1,
  )
})

test('a service that refuses to upgrade is heard', async () => {
  const said =
    'GET /refused HTTP/1.1\r\nHost: talk.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  const heard = await speak(relay.port, said)
  assert.match(heard, /^HTTP\/1\.1 403 No\r\n/)
  assert.match(heard, /\r\n\r\nno$/)
})

test('any other wish to upgrade is left unanswered, and the request served', async () => {
  const said =
    'GET / HTTP/1.1\r\nHost: talk.localhost\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n'
  assert.match(await speak(relay.port, said), /\r\n\r\nplain$/)
})

test('a wish to become a WebSocket that has a body, or is no GET, is refused at once', async () => {
  const heads = {
    'a length': 'GET / HTTP/1.1\r\nContent-Length: 5\r\n',
    chunks: 'GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n',
    'another method': 'POST / HTTP/1.1\r\n',
    'another method with a body': 'POST / HTTP/1.1\r\nContent-Length: 5\r\n',
  }
  const upgrade = 'Host: talk.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  for (const [what, head] of Object.entries(heads)) {
    const heard = await speak(relay.port, `${head}${upgrade}`)
    assert.match(heard, /^HTTP\/1\.1 400 /, `${what}: ${heard}`)
    assert.match(heard, /"code":"tunnel\.bad_request"/)
  }
})

test('nobody becomes an agent under the name of a tunnel', async () => {
  const said =
    'GET /tunnel-link HTTP/1.1\r\nHost: talk.localhost\r\nConnection: Upgrade\r\nUpgrade: gantry-tunnel/1\r\n\r\n'
  const heard = await speak(relay.port, said)
  assert.match(heard, /^HTTP\/1\.1 400 [^]*Agents are taken in under the name of the product/)
})

test('T49: frames of 100 MB, a byte at a time and floods of pings are the service’s to judge, and cost the relay nothing', async () => {
  const before = keptMib()
  const raw = await handshake()
  // A frame of 100 MB is announced and begun, and never ended.
  const head = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x06, 0x40, 0, 0, 1, 2, 3, 4])
  raw.write(head)
  for (let i = 0; i < 40; i++) {
    if (!raw.write(Buffer.alloc(1024 * 1024))) await once(raw, 'drain')
  }
  const flood = await open()
  const judged = once(flood, 'close')
  for (let i = 0; i < 1_000; i++) flood.ping()
  await judged
  const slow = await handshake()
  const frame = (first: number) => Buffer.from([first, 0x81, 0, 0, 0, 0, 0x78])
  // Text that goes on, a hundred times, and its end: each byte alone.
  const frames = Array.from({ length: 100 }, (_, i) => frame(i === 0 ? 1 : i === 99 ? 0x80 : 0))
  for (const byte of Buffer.concat(frames)) slow.write(Buffer.from([byte]))
  let echo = 0
  slow.on('data', (chunk: Buffer) => (echo += chunk.length))
  await eventually('it comes back', () => echo === 2 + 100)
  slow.destroy()
  // The service is of this process too, and holds the frame that it waits for the end of.
  assert.ok(keptMib() - before < 40 + 40, `${keptMib() - before} MiB are kept`)
  raw.destroy()
  flood.close()
  await eventually('the service has none', () => sockets.clients.size === 0)
})

test('T49: a frame that is wrongly masked is closed by the service, and nobody else notices', async () => {
  const other = await open()
  const raw = await handshake()
  const closing = once(raw, 'data')
  raw.write(Buffer.from([0x81, 0x02, 0x68, 0x69]))
  const [frame] = (await closing) as [Buffer]
  assert.deepEqual([frame[0], frame.readUInt16BE(2)], [0x88, 1002])
  raw.destroy()
  const heard = once(other, 'message')
  other.send('still here')
  assert.equal(String((await heard)[0]), 'still here')
  other.close()
})

test('what a grant has let in is cut when it is taken back', async () => {
  await using guarded = await serveHttp((_, answer) => void answer.write('begun'))
  const token = 'a-token-of-the-tunnel'
  const { sha256 } = await import('#kernel/crypto/digests.ts')
  const grant = {
    id: 'tsh_1',
    kind: 'token',
    secretHash: sha256(token).toString('base64url'),
  } as const
  const spec = relay.control.add('guarded', [guarded.port], {
    access: { policy: 'token', grants: [grant] },
  })
  await using agent = await startAgent(relay, [spec])
  void agent
  const ask = (header: string) =>
    speak(
      relay.port,
      `GET / HTTP/1.1\r\nHost: guarded.localhost\r\nConnection: close\r\n${header}\r\n`,
    )
  assert.match(await ask(''), /^HTTP\/1\.1 401 /)
  const socket = connect(relay.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(`GET / HTTP/1.1\r\nHost: guarded.localhost\r\nGantry-Tunnel-Token: ${token}\r\n\r\n`)
  await once(socket, 'data')
  const cut = once(socket, 'close')
  relay.control.change(spec.id, { access: { grants: [] } })
  socket.resume()
  await cut
  assert.match(await ask(`Gantry-Tunnel-Token: ${token}\r\n`), /^HTTP\/1\.1 401 /)
})
