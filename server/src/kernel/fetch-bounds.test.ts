import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { client, web, raw, flood, failure } from './fetch-fixture.ts'

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
