import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { z } from 'zod'
import { cloneDatabase } from '#test/database.ts'
import { serve } from '../test-http.ts'
import { openTestKernel } from '../test-kernel.ts'
import { route } from './route.ts'

const database = await cloneDatabase()
const kernel = await openTestKernel({ address: database.address })
/** Paths of the requests that have reached a handler. */
const reached: string[] = []
const open = { public: 'a test' }
const trial = {
  name: 'trial',
  summary: '',
  routes: [
    route({
      ...{ method: 'GET', path: '/v1/things/:id', summary: 'Show', access: open },
      params: z.object({ id: z.string() }),
      returns: z.object({ id: z.string() }),
      handler: (_ctx, { params }) => {
        reached.push(params.id)
        return params
      },
    }),
    route({
      ...{ method: 'POST', path: '/v1/things', summary: 'Make', access: open },
      body: z.object({ name: z.string() }),
      handler: (_ctx, { body }) => void reached.push(body.name),
    }),
    route({
      ...{ method: 'GET', path: '/v1/admin', summary: 'Rule', access: { signedIn: 'a test' } },
      handler: () => void reached.push('admin'),
    }),
  ],
}
const server = await serve(kernel, [trial], { ann: [] })
const { port, host } = new URL(server.url)
after(async () => {
  await server[Symbol.asyncDispose]()
  await kernel[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

function dial(): Socket {
  return connect(Number(port), '127.0.0.1')
}

/** All that the server says to these bytes until it closes the connection. */
async function exchange(bytes: string): Promise<string> {
  const socket = dial()
  socket.write(bytes, 'latin1')
  return text(socket)
}

/** The answer to one request line; the connection is closed after it. */
async function ask(
  line: string,
  headers = '',
): Promise<{ status: number; head: string; body: string }> {
  const said = await exchange(`${line}\r\nhost: ${host}\r\nconnection: close\r\n${headers}\r\n`)
  const [head = '', body = ''] = said.split('\r\n\r\n')
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]), head, body }
}

const slow = exchange(`GET /v1/things/slow HTTP/1.1\r\nhost: ${host}\r\nx-drip: `)

test('a path that another parser would read differently reaches no handler', async () => {
  for (const path of [
    ...['//v1/admin', '/v1//admin', '/v1/admin;x', '/v1;x/admin', '/v1/admin%2f', '/v1%2fadmin'],
    ...['/v1/x/..%2fadmin', '/v1/x/../admin', '/v1/./admin', '/v1/%2e/admin', '/v1\\admin'],
    ...[
      '/v1/admin%00',
      '/V1/admin',
      '/v1/Admin',
      '/v1/admin/',
      '/v1/admin.',
      '/v1/admin%20',
      '/v1/%',
    ],
    ...['/v1/%c0%afadmin', '/api/v1/../v1/admin', `http://${host}/v1/admin`, '*', '/api/v1//admin'],
  ]) {
    const { status, head, body } = await ask(
      `GET ${path} HTTP/1.1`,
      'authorization: Bearer ann\r\n',
    )
    assert.equal(status, 404, path)
    assert.match(head, /content-type: application\/problem\+json/)
    assert.equal(JSON.parse(body).code, 'request.not_found')
  }
  assert.ok(!reached.includes('admin'))
})

test('another spelling of letters is the same path, and asks for the same credential', async () => {
  assert.equal((await ask('GET /v1/%61dmin HTTP/1.1')).status, 401)
  assert.equal((await ask('GET /v1/%61dmin HTTP/1.1', 'authorization: Bearer ann\r\n')).status, 204)
})

test('a parameter is decoded once, and may be long', async () => {
  const { body } = await ask('GET /v1/things/a%2541%20b%C3%A9 HTTP/1.1')
  assert.deepEqual(JSON.parse(body), { id: 'a%41 bé' })
  const long = 'x'.repeat(5_000)
  assert.deepEqual(JSON.parse((await ask(`GET /v1/things/${long} HTTP/1.1`)).body), { id: long })
})

test('HEAD says what GET says, without the body', async () => {
  const heads = []
  for (const method of ['GET', 'HEAD']) {
    const { head, body } = await ask(`${method} /v1/things/one HTTP/1.1`)
    assert.equal(body, method === 'GET' ? '{"id":"one"}' : '')
    heads.push(head.replace(/^(date|x-correlation-id): .*\r?\n/gim, ''))
  }
  assert.equal(heads[1], heads[0])
})

test('a method that HTTP does not have, or that is tunnelled, does nothing else', async () => {
  const wanted = reached.length
  assert.equal((await ask('FETCH /v1/things/one HTTP/1.1')).status, 400)
  assert.equal((await ask('TRACE /v1/things/one HTTP/1.1')).status, 405)
  const connect = await ask('CONNECT evil.test:443 HTTP/1.1')
  assert.deepEqual(
    [connect.status, JSON.parse(connect.body).code, /^allow: (.*)\r$/m.exec(connect.head)?.[1]],
    [405, 'request.method_not_allowed', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'],
  )
  const override = await ask('GET /v1/things HTTP/1.1', 'x-http-method-override: POST\r\n')
  assert.equal(override.status, 405)
  assert.equal(reached.length, wanted)
})

const inner = 'GET /v1/things/smuggled HTTP/1.1\r\nhost: x\r\n\r\n'
const json = 'content-type: application/json\r\n'
const SMUGGLING: [string, string][] = [
  [
    'a length and chunks',
    `content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
  ],
  [
    'chunks and a length',
    `transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n${inner}`,
  ],
  ['two lengths', `content-length: 0\r\ncontent-length: 44\r\n\r\n${inner}`],
  ['two lengths in one', `content-length: 0, 44\r\n\r\n${inner}`],
  ['a signed length', `content-length: +0\r\n\r\n${inner}`],
  ['chunks and more', `transfer-encoding: chunked, x\r\n\r\n0\r\n\r\n${inner}`],
  ['chunks with a space', `transfer-encoding : chunked\r\n\r\n0\r\n\r\n${inner}`],
  ['other chunks', `transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${inner}`],
  ['a bare line feed', `x: y\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${inner}`],
  ['a bare carriage return', `x: y\rtransfer-encoding: chunked\r\n\r\n0\r\n\r\n${inner}`],
  ['a folded header', `x: y\r\n transfer-encoding: chunked\r\n\r\n0\r\n\r\n${inner}`],
  ['a NUL in a header', `x: y\0z\r\n\r\n${inner}`],
  ['a bad chunk size', `transfer-encoding: chunked\r\n\r\n0x0\r\n\r\n${inner}`],
  ['a chunk that is longer', `transfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n${inner}`],
]

test('a request whose end parsers would see in different places is refused, and the connection closed', async () => {
  for (const [what, rest] of SMUGGLING) {
    const said = await exchange(`POST /v1/things HTTP/1.1\r\nhost: ${host}\r\n${json}${rest}`)
    assert.match(said, /^HTTP\/1\.1 400 /, `${what}: ${said.slice(0, 200)}`)
    assert.equal(said.match(/HTTP\/1\.1 /g)?.length, 1, what)
    assert.match(said, /^connection: close\r$/im, what)
  }
  assert.ok(!reached.includes('smuggled'))
})

test('what is not HTTP is answered with a whole problem', async () => {
  for (const bytes of ['\x16\x03\x01\x02\x00', 'hello\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n']) {
    const [head = '', body = ''] = (await exchange(bytes)).split('\r\n\r\n')
    assert.match(head, /^HTTP\/1\.1 400 Bad Request\r\n/)
    assert.match(head, /x-content-type-options: nosniff/)
    const problem = JSON.parse(body)
    assert.deepEqual([problem.status, problem.code], [400, 'request.malformed'])
    assert.equal(problem.category, 'validation')
    assert.match(head, new RegExp(`x-correlation-id: ${problem.correlationId}`))
  }
})

test('headers above 16 KiB are refused', async () => {
  const { status, body } = await ask('GET /v1/things/one HTTP/1.1', `x: ${'y'.repeat(17_000)}\r\n`)
  assert.deepEqual([status, JSON.parse(body).code], [431, 'request.headers_too_large'])
})

test('a body that is announced as too large is refused before it comes', async () => {
  const length = `content-length: ${1024 * 1024 + 1}\r\n`
  const { status, body } = await ask('POST /v1/things HTTP/1.1', json + length)
  assert.deepEqual([status, JSON.parse(body).code], [413, 'request.too_large'])
})

test('two requests on one connection are answered in their order', async () => {
  const one = `GET /v1/things/first HTTP/1.1\r\nhost: ${host}\r\n\r\n`
  const two = `GET /v1/things/second HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`
  assert.match(await exchange(one + two), /"first"[\s\S]*"second"/)
})

test('headers that drip in are given up on', { timeout: 120_000 }, async () => {
  const said = await slow
  assert.match(said, /^HTTP\/1\.1 408 Request Timeout\r\n/)
  assert.match(said, /"code":"request.too_slow"/)
})
