import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import {
  connect,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { after, test } from 'node:test'
import { text } from 'node:stream/consumers'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { generate } from 'selfsigned'
import { serveHttp, startAgent, startRelay } from '../fixture.ts'

const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
  extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
})
const relay = await startRelay(undefined, {
  tls: { cert: Buffer.from(cert), key: Buffer.from(key) },
})
after(() => relay[Symbol.asyncDispose]())
const service = await serveHttp((asked, answer) => {
  if (asked.url === '/broken') {
    answer.write('half')
    setImmediate(() => asked.socket.destroy())
    return
  }
  if (asked.url === '/twice') {
    const twice = ['X-Content-Type-Options', 'nosniff', 'Content-Type', 'text/plain', 'ETag', '"a"']
    return void answer.writeHead(200, [...twice, ...twice]).end('twice')
  }
  answer.setHeader('set-cookie', ['one=1', 'two=2'])
  answer.setHeader('x-seen', `${asked.method} ${asked.url} ${asked.headers.host}`)
  answer.setHeader('x-proto', String(asked.headers['x-forwarded-proto']))
  answer.setHeader('x-cookies', cookieLines(asked))
  asked.pipe(answer)
})
after(() => service[Symbol.asyncDispose]())
const agent = await startAgent(relay, [relay.control.add('secure', [service.port])], { ca: cert })
after(() => agent[Symbol.asyncDispose]())

function cookieLines({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && /^cookie$/i.test(rawHeaders[at - 1]!))
}

const agreed = async (servername: string) => {
  const socket = connectTls({
    ...{ port: relay.port, host: '127.0.0.1', servername },
    ...{ ALPNProtocols: ['h2', 'http/1.1'], rejectUnauthorized: false },
  })
  await once(socket, 'secureConnect')
  socket.destroy()
  return socket.alpnProtocol
}

test('HTTP/2 is spoken under names of tunnels only', async () => {
  assert.equal(await agreed('secure.localhost'), 'h2')
  assert.equal(await agreed('localhost'), 'http/1.1')
})

async function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body = '') {
  const stream = session.request(headers)
  stream.end(body)
  const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders]
  return { answer, text: await text(stream) }
}

test('requests of HTTP/2 pass as those of HTTP/1 do, bodies and all, many at once', async () => {
  const session = connect(`https://127.0.0.1:${relay.port}`, {
    ...{ servername: 'secure.localhost', rejectUnauthorized: false },
  })
  const asked = Array.from({ length: 20 }, (_, i) =>
    ask(
      session,
      { ':method': 'POST', ':path': `/${i}`, ':authority': 'secure.localhost', cookie: 'a=b' },
      `body ${i}`.repeat(1000),
    ),
  )
  for (const [i, { answer, text }] of (await Promise.all(asked)).entries()) {
    assert.deepEqual(
      [answer[':status'], answer['x-seen'], answer['x-proto'], text],
      [200, `POST /${i} secure.localhost`, 'https', `body ${i}`.repeat(1000)],
    )
  }
  assert.deepEqual((await asked[0]!).answer['set-cookie'], ['one=1', 'two=2'])
  const other = await ask(session, { ':method': 'POST', ':path': '/', ':authority': '127.0.0.1' })
  assert.equal(other.answer[':status'], 421)
  const unknown = await ask(session, {
    ':method': 'POST',
    ':path': '/',
    ':authority': 'unknown.localhost',
  })
  assert.equal(unknown.answer['gantry-tunnel-error'], 'tunnel.unknown_host')
  session.close()
  await once(session, 'close')
})

test('cookies that HTTP/2 sends one by one are one line for the service', async () => {
  using stack = new DisposableStack()
  const session = connect(`https://127.0.0.1:${relay.port}`, {
    ...{ servername: 'secure.localhost', rejectUnauthorized: false },
  })
  stack.defer(() => session.destroy())
  const { answer } = await ask(session, {
    ...{ ':method': 'POST', ':path': '/', ':authority': 'secure.localhost' },
    cookie: ['a=1', 'b=2', 'c=3'],
  })
  assert.equal(answer['x-cookies'], 'a=1; b=2; c=3')
})

test('an answer that repeats a header that counts once is passed on all the same', async () => {
  using stack = new DisposableStack()
  const session = connect(`https://127.0.0.1:${relay.port}`, {
    ...{ servername: 'secure.localhost', rejectUnauthorized: false },
  })
  stack.defer(() => session.destroy())
  const { answer, text } = await ask(session, {
    ...{ ':method': 'POST', ':path': '/twice', ':authority': 'secure.localhost' },
  })
  assert.deepEqual(
    [answer[':status'], answer['x-content-type-options'], answer['content-type'], text],
    [200, 'nosniff', 'text/plain', 'twice'],
  )
})

test('a visitor of HTTP/2 who goes is noticed, and the connection serves on', async () => {
  const session = connect(`https://127.0.0.1:${relay.port}`, {
    ...{ servername: 'secure.localhost', rejectUnauthorized: false },
  })
  const headers = { ':method': 'POST', ':path': '/', ':authority': 'secure.localhost' }
  const leaving = session.request(headers)
  leaving.on('error', () => {})
  leaving.write('begun')
  await once(leaving, 'response')
  leaving.close(8)
  assert.equal((await ask(session, headers, 'next')).text, 'next')
  session.destroy()
})

test('an answer that the service breaks off is none that has ended', async () => {
  const session = connect(`https://127.0.0.1:${relay.port}`, {
    ...{ servername: 'secure.localhost', rejectUnauthorized: false },
  })
  const stream = session.request({ ':path': '/broken', ':authority': 'secure.localhost' })
  await assert.rejects(text(stream), /NGHTTP2_INTERNAL_ERROR/)
  session.destroy()
})

test('T48: whoever says nothing of TLS is given up', { timeout: 60_000 }, async () => {
  const socket = connectTcp(relay.port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket.resume(), 'close')
})
