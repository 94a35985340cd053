import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { DestinationRefused, openAddressGuard } from './addresses.ts'
import { type CallOptions, FetchFailed, openGuardedFetch } from './fetch.ts'

interface Names {
  [name: string]: string[]
}

/** A guarded client whose resolver takes each name's answers in turn, one at each lookup. */
function client(t: TestContext, names: Names = {}, allow = ['127.0.0.0/8'], allowHttp = true) {
  const lookups: string[] = []
  const refused: object[] = []
  const guard = openAddressGuard({
    allow,
    lookup: async (name) => {
      lookups.push(name)
      const [first, ...rest] = names[name] ?? []
      if (rest.length > 0) names[name] = rest
      if (!first) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
      return [{ address: first }]
    },
  })
  const log = { warn: (fields: object) => void refused.push(fields) }
  const guarded = openGuardedFetch({ guard, allowHttp, log })
  t.after(() => guarded[Symbol.asyncDispose]())
  return {
    lookups,
    refused,
    call: (url: string, options?: CallOptions) => guarded.fetch(url, options),
    close: () => guarded[Symbol.asyncDispose](),
  }
}

async function listen(t: TestContext, server: Server, host = '127.0.0.1', port = 0) {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.listen(port, host)
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, connections: () => sockets.size }
}

async function web(t: TestContext, listener: RequestListener, host?: string, port?: number) {
  const hits: string[] = []
  const server = createServer((request, response) => {
    hits.push(`${request.method} ${request.headers.host}${request.url}`)
    listener(request, response)
  })
  return { ...(await listen(t, server, host, port)), hits }
}

/** A server that reads the request and then says what it likes; `closed` settles when the client hangs up. */
async function raw(t: TestContext, speak: (socket: Socket) => void) {
  const closed = Promise.withResolvers<void>()
  const server = createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.on('close', () => closed.resolve())
    socket.once('data', () => speak(socket))
  })
  return { ...(await listen(t, server)), closed: closed.promise }
}

/** Writes `chunk` again and again, as fast as it is taken. */
function flood(socket: Socket, chunk: string): void {
  while (socket.writable && socket.write(chunk));
  if (socket.writable) socket.once('drain', () => flood(socket, chunk))
}

function failure(reason: string, code?: string) {
  return (error: unknown) => {
    assert.ok(error instanceof FetchFailed, String(error))
    assert.equal(error.reason, reason)
    if (code) assert.equal(error.code, code)
    return true
  }
}

test('an answer comes back with status, headers and body, and the call carries its own', async (t) => {
  const server = await web(t, (request, response) => {
    assert.equal(request.headers['x-kind'], 'greeting')
    response.writeHead(201, { 'x-answer': 'yes' })
    request.pipe(response)
  })
  const { call } = client(t, { 'good.example': ['127.0.0.1'] })
  const reply = await call(`http://good.example:${server.port}/in?a=1#part`, {
    method: 'POST',
    headers: { 'x-kind': 'greeting' },
    body: '{"hello":"world"}',
  })
  assert.equal(reply.status, 201)
  assert.equal(reply.headers['x-answer'], 'yes')
  assert.deepEqual(reply.json(), { hello: 'world' })
  assert.deepEqual(server.hits, [`POST good.example:${server.port}/in?a=1`])
})

test('a private address is refused before any socket opens, however it is written', async (t) => {
  const server = await web(t, (_request, response) => response.end())
  const { call, refused } = client(t, { 'inside.example': ['127.0.0.1'] }, [])
  const hosts = ['127.0.0.1', '2130706433', '0x7f.1', '127.1', '[::1]', '[::ffff:127.0.0.1]']
  for (const host of [...hosts, 'localhost', 'inside.example']) {
    await assert.rejects(call(`http://${host}:${server.port}/`), DestinationRefused, host)
  }
  assert.equal(server.connections(), 0)
  assert.deepEqual(refused.at(-1), { host: `inside.example:${server.port}` })
})

test('a name that changes its answer is resolved once for a connection and judged again for the next', async (t) => {
  const inside = await web(t, (_request, response) => response.end('inside'))
  const good = await web(
    t,
    (_request, response) => response.setHeader('connection', 'close').end('good'),
    '127.0.0.2',
    inside.port,
  )
  const { call, lookups } = client(t, { 'rebind.example': ['127.0.0.2', '127.0.0.1'] }, [
    '127.0.0.2',
  ])
  const url = `http://rebind.example:${good.port}/`

  assert.equal((await call(url)).text(), 'good')
  assert.equal(lookups.length, 1)
  await assert.rejects(call(url), DestinationRefused)
  assert.equal(lookups.length, 2)
  assert.equal(inside.connections(), 0)
})

test('where a socket has arrived is looked at before anything is sent', async (t) => {
  const server = await web(t, (_request, response) => response.end())
  // A guard that takes a literal address for another: the socket then goes where nobody has looked.
  const guard = { resolve: async () => [{ address: '127.0.0.2', family: 4 as const }] }
  await using guarded = openGuardedFetch({ guard, allowHttp: true })
  await assert.rejects(guarded.fetch(`http://127.0.0.1:${server.port}/`), DestinationRefused)
  assert.deepEqual(server.hits, [])
})

test('a redirect is an answer: the place it names is never visited', async (t) => {
  const inside = await web(t, (_request, response) => response.end())
  const places = [`http://127.0.0.1:${inside.port}/`, 'file:///etc/passwd', 'gopher://x/']
  const server = await web(
    t,
    ({ url }, response) => {
      const [, status, place] = url?.split('/') ?? []
      response.writeHead(Number(status), { location: places[Number(place)] }).end()
    },
    '127.0.0.2',
  )
  const { call } = client(t, {}, ['127.0.0.2'])
  for (const status of [301, 302, 303, 307, 308]) {
    for (const place of places.keys()) {
      const reply = await call(`http://127.0.0.2:${server.port}/${status}/${place}`, {
        headers: { authorization: 'Bearer secret' },
      })
      assert.equal(reply.status, status)
      assert.equal(reply.headers['location'], places[place])
    }
  }
  assert.equal(inside.connections(), 0)
})

test('only the host that the URL parser finds is visited, and a user name is refused', async (t) => {
  const inside = await web(t, (_request, response) => response.end())
  const { port } = inside
  const good = await web(t, (_request, response) => response.end(), '127.0.0.2', port)
  const { call } = client(t, { 'good.example': ['127.0.0.2'] }, ['127.0.0.2'])
  for (const url of [
    `http://good.example@127.0.0.1:${port}/`,
    `http://127.0.0.1:${port}\\@good.example/`,
    `http://user:secret@good.example:${port}/`,
  ]) {
    await assert.rejects(call(url), DestinationRefused, url)
  }
  await call(`http://good.example:${port}#@127.0.0.1`)
  assert.equal(inside.connections(), 0)
  assert.deepEqual(good.hits, [`GET good.example:${port}/`])
})

test('other schemes and the ports of other services are refused', async (t) => {
  const { call, lookups } = client(t, { 'good.example': ['127.0.0.1'] })
  for (const url of ['file:///etc/passwd', 'ftp://good.example/', 'data:,x', 'unix:/run/x.sock']) {
    await assert.rejects(call(url), DestinationRefused, url)
  }
  for (const port of [0, 22, 25, 110, 993]) {
    await assert.rejects(call(`https://good.example:${port}/`), DestinationRefused, String(port))
  }
  await assert.rejects(call('not a url'), failure('protocol', 'ERR_INVALID_URL'))
  assert.deepEqual(lookups, [])
})

test('over TLS the certificate must bear the name, although the address is pinned', async (t) => {
  const { key, certificate } = identity()
  setDefaultCACertificates([...getCACertificates('default'), certificate])
  const asked: unknown[] = []
  const server = createTlsServer({ key, cert: certificate }, (request, response) => {
    asked.push((request.socket as TLSSocket).servername)
    response.end('safe')
  })
  const { port } = await listen(t, server)
  const names = { 'good.example': ['127.0.0.1'], 'other.example': ['127.0.0.1'] }
  const { call } = client(t, names, ['127.0.0.1'], false)

  assert.equal((await call(`https://good.example:${port}/`)).text(), 'safe')
  assert.deepEqual(asked, ['good.example'])
  await assert.rejects(
    call(`https://other.example:${port}/`),
    failure('connection', 'ERR_TLS_CERT_ALTNAME_INVALID'),
  )
  await assert.rejects(call(`http://good.example:${port}/`), DestinationRefused)
})

test('a proxy named in the environment is not used', async (t) => {
  const proxy = await web(t, (_request, response) => response.end('proxied'))
  const server = await web(t, (_request, response) => response.end('direct'))
  const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'] as const
  for (const name of names) {
    const before = process.env[name]
    t.after(() => (before === undefined ? delete process.env[name] : (process.env[name] = before)))
    process.env[name] = name.endsWith('USE_ENV_PROXY') ? '1' : `http://127.0.0.1:${proxy.port}`
  }
  const { call } = client(t)
  assert.equal((await call(`http://127.0.0.1:${server.port}/`)).text(), 'direct')
  assert.equal(proxy.connections(), 0)
})

test('an endless body is cut at its cap and the connection closed', async (t) => {
  const server = await raw(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    flood(socket, 'x'.repeat(65_536))
  })
  const { call } = client(t)
  await assert.rejects(call(`http://127.0.0.1:${server.port}/`), failure('too_large'))
  await server.closed
})

test('a body of exactly the cap is taken, one byte more is not', async (t) => {
  const server = await web(t, ({ url }, response) =>
    response.end('x'.repeat(Number(url?.slice(1)))),
  )
  const { call } = client(t)
  const ask = (bytes: number) =>
    call(`http://127.0.0.1:${server.port}/${bytes}`, { maxBytes: 1000 })
  assert.equal((await ask(1000)).body.length, 1000)
  await assert.rejects(ask(1001), failure('too_large'))
})

test('headers without end are cut', async (t) => {
  const server = await raw(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n')
    flood(socket, `x-padding: ${'y'.repeat(1000)}\r\n`)
  })
  const { call } = client(t)
  await assert.rejects(call(`http://127.0.0.1:${server.port}/`), failure('too_large'))
  await server.closed
})

test('a body that trickles, headers that never come and a silent listener all meet a deadline', async (t) => {
  const trickle = await raw(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    const timer = setInterval(() => socket.write('x'), 10)
    socket.on('close', () => clearInterval(timer))
  })
  const silent = await raw(t, () => {})
  const { call } = client(t)
  const started = performance.now()
  await Promise.all([
    assert.rejects(
      call(`http://127.0.0.1:${trickle.port}/`, { timeoutMs: 150 }),
      failure('timeout'),
    ),
    assert.rejects(
      call(`http://127.0.0.1:${silent.port}/`, { headersTimeoutMs: 150 }),
      failure('timeout'),
    ),
  ])
  // They have 10 s and more where nothing else is said.
  assert.ok(performance.now() - started < 9_000)
  await Promise.all([trickle.closed, silent.closed])
})

test('packed bodies are unpacked, twice at most', async (t) => {
  const text = 'hello '.repeat(50)
  const packed: Record<string, [string | string[], Buffer]> = {
    gzip: ['gzip', gzipSync(text)],
    brotli: ['BR', brotliCompressSync(text)],
    both: ['br, gzip', gzipSync(brotliCompressSync(text))],
    lines: [['br', 'gzip'], gzipSync(brotliCompressSync(text))],
    empty: ['gzip', Buffer.alloc(0)],
    thrice: ['gzip, gzip, gzip', gzipSync(gzipSync(gzipSync(text)))],
    many: [Array.from({ length: 500 }, () => 'gzip'), gzipSync(text)],
    unknown: ['zstd', Buffer.from('x')],
    prototype: ['constructor', Buffer.from('x')],
    broken: ['gzip', gzipSync(text).subarray(0, 20)],
    rubbish: ['br', Buffer.from('not brotli at all')],
  }
  const server = await web(t, ({ url }, response) => {
    const [encoding, body] = packed[url?.slice(1) ?? ''] ?? ['', '']
    response.setHeader('content-encoding', encoding).end(body)
  })
  const { call } = client(t)
  const ask = (name: string) => call(`http://127.0.0.1:${server.port}/${name}`)
  for (const name of ['gzip', 'brotli', 'both', 'lines']) {
    assert.equal((await ask(name)).text(), text, name)
  }
  assert.equal((await ask('empty')).text(), '')
  for (const name of ['thrice', 'many', 'unknown', 'prototype', 'broken', 'rubbish']) {
    await assert.rejects(ask(name), failure('protocol'), name)
  }
})

test('5,000 content codings and a body that unpacks to a thousand times its size are cut', async (t) => {
  const bomb = gzipSync(Buffer.alloc(32 * 1024 * 1024))
  const server = await raw(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n')
    socket.end(`${'content-encoding: gzip\r\n'.repeat(5_000)}\r\nx`)
  })
  const bombed = await web(t, ({ url }, response) => {
    const twice = url === '/twice'
    response.writeHead(200, { 'content-encoding': twice ? 'gzip, gzip' : 'gzip' })
    response.end(twice ? gzipSync(bomb) : bomb)
  })
  const { call } = client(t)
  await assert.rejects(call(`http://127.0.0.1:${server.port}/`), failure('too_large'))
  await assert.rejects(
    call(`http://127.0.0.1:${bombed.port}/`),
    failure('too_large', 'ERR_BUFFER_TOO_LARGE'),
  )
  await assert.rejects(call(`http://127.0.0.1:${bombed.port}/twice`), failure('too_large'))
})

test('an answer that is not HTTP or not JSON says so', async (t) => {
  const rubbish = await raw(t, (socket) => socket.end('220 mail.example ESMTP\r\n'))
  const page = await web(t, (_request, response) => response.end('<html>'))
  const { call } = client(t)
  await assert.rejects(call(`http://127.0.0.1:${rubbish.port}/`), failure('protocol'))
  const reply = await call(`http://127.0.0.1:${page.port}/`)
  assert.throws(() => reply.json(), failure('protocol', 'ERR_NOT_JSON'))
})

test('a caller cannot set the headers that say which host is meant or how the body is framed', async (t) => {
  const server = await web(t, (_request, response) => response.end())
  const { call } = client(t)
  for (const name of [
    'Host',
    'connection',
    'Transfer-Encoding',
    'content-length',
    'Proxy-Authorization',
  ]) {
    await assert.rejects(
      call(`http://127.0.0.1:${server.port}/`, { headers: { [name]: 'x' } }),
      failure('protocol', 'ERR_HEADER_NOT_ALLOWED'),
    )
  }
  await assert.rejects(
    call(`http://127.0.0.1:${server.port}/`, { headers: { 'x-a': 'b\r\nx-c: d' } }),
    failure('protocol'),
  )
  assert.equal(server.connections(), 0)
})

test('a failed connection is told without the address that was tried', async (t) => {
  const server = createServer()
  const { port } = await listen(t, server)
  server.close()
  const { call } = client(t, { 'down.example': ['127.0.0.1'] })
  const error = await call(`http://down.example:${port}/`).catch((cause: Error) => cause)
  assert.ok(failure('connection', 'ECONNREFUSED')(error))
  assert.doesNotMatch(`${JSON.stringify(error)} ${String((error as Error).stack)}`, /127\.0/)
  await assert.rejects(call('https://nowhere.example/'), failure('connection', 'ENOTFOUND'))
})

test('an abort by the caller ends the call with its reason, a close with a lost connection', async (t) => {
  const server = await web(t, () => {})
  const { call, close } = client(t)
  const controller = new AbortController()
  const reason = new Error('changed my mind')
  const aborted = assert.rejects(
    call(`http://127.0.0.1:${server.port}/`, { signal: controller.signal }),
    reason,
  )
  const cut = assert.rejects(call(`http://127.0.0.1:${server.port}/`), failure('connection'))
  controller.abort(reason)
  await aborted
  await close()
  await cut
})

test('calls one after another reuse their connection, and resolve nothing again', async (t) => {
  const server = await web(t, (_request, response) => response.end('x'))
  const { call, lookups } = client(t, { 'good.example': ['127.0.0.1'] })
  for (let n = 0; n < 20; n += 1) await call(`http://good.example:${server.port}/${n}`)
  assert.ok(server.connections() <= 2, String(server.connections()))
  assert.equal(lookups.length, server.connections())
})

/** A certificate for `good.example` that vouches for itself until 2120. */
function identity() {
  const key = createPrivateKey({
    key: Buffer.from(
      'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgNp384SpOzDlTLz1L43PoZUZhAtfmAcAm9wPglRIGpnKhRANCAARU' +
        'kNog0ogR0GX1UdHzHr19hHKGUPcD8eUpA+Gffb8zLIZrDzmXjuSy3zgRNyJzwhXC+DwqhKyNZlwbjmI4ZKpw',
      'base64',
    ),
    format: 'der',
    type: 'pkcs8',
  })
  const certificate = new X509Certificate(
    Buffer.from(
      'MIIBWTCCAQCgAwIBAgIBATAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDAR0ZXN0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAw' +
        'MDAwWjAPMQ0wCwYDVQQDDAR0ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVJDaINKIEdBl9VHR8x69fYRyhlD3A/Hl' +
        'KQPhn32/MyyGaw85l47kst84ETcic8IVwvg8KoSsjWZcG45iOGSqcKNLMEkwFwYDVR0RBBAwDoIMZ29vZC5leGFtcGxlMA8G' +
        'A1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFEMkIzox9R3RsVU/lHyd8wZATVtlMAoGCCqGSM49BAMCA0cAMEQCIG++lb3IzXbZ' +
        'y/jIpgCq86/BhCrYqI7j4zekyGq5c4s3AiBLm9f7l0Docqqjfm2QbtqoD/NziXm200zyO1z0DSud/A==',
      'base64',
    ),
  ).toString()
  return { key: key.export({ format: 'pem', type: 'pkcs8' }), certificate }
}
