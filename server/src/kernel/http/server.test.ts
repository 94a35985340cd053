import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { z } from 'zod'
import { cloneDatabase } from '#test/database.ts'
import { openLog } from '../log.ts'
import { defineProblems } from '../problem.ts'
import { serve, type TestAnswer } from '../test-http.ts'
import { openTestKernel } from '../test-kernel.ts'
import { eventually } from '../test-support.ts'
import { Reply, route } from './route.ts'

const database = await cloneDatabase()
const kernel = await openTestKernel({ address: database.address })
const logged = new PassThrough().setEncoding('utf8')
const log = await openLog({
  levels: { default: 'info', byCategory: {} },
  console: 'json',
  destination: logged,
})
const access = { public: 'a test' }
const LONG = 'plain text that repeats itself. '.repeat(200)
const waiting = { begun: Promise.withResolvers<AbortSignal>(), go: Promise.withResolvers<void>() }

const refusals = defineProblems({
  ours: { code: 'trial.ours', status: 502, title: 'Our fault' },
  site: { code: 'trial.site', status: 502, title: 'The fault of a site', level: 'info' },
  load: { code: 'trial.load', status: 503, title: 'Too much at once', level: 'warn' },
  client: { code: 'trial.client', status: 422, title: 'The fault of a client' },
})

const trial = {
  name: 'trial',
  summary: '',
  routes: [
    route({
      ...{ method: 'GET', path: '/v1/things', summary: 'Show', access },
      query: z.object({ name: z.string().optional() }),
      returns: z.object({ name: z.string() }),
      handler: (_ctx, { query }) => ({ name: query.name ?? 'none', secret: 'not in the schema' }),
    }),
    route({
      ...{ method: 'POST', path: '/v1/things', summary: 'Make', access },
      body: z.object({
        name: z.string().max(10),
        inner: z.strictObject({ n: z.int() }).optional(),
      }),
      handler: () => undefined,
    }),
    route({
      ...{ method: 'GET', path: '/v1/where', summary: 'Tell', access },
      returns: z.object({ loopbackOnly: z.boolean() }),
      handler: (_ctx, { request: { loopbackOnly } }) => ({ loopbackOnly }),
    }),
    route({
      ...{ method: 'POST', path: '/v1/plain', summary: 'Do', access },
      handler: () => undefined,
    }),
    route({
      ...{ method: 'GET', path: '/v1/closed', summary: 'Ask', access: { signedIn: 'a test' } },
      handler: () => undefined,
    }),
    route({
      ...{ method: 'GET', path: '/v1/guarded', summary: 'Ask', access: 'things.read' },
      handler: () => undefined,
    }),
    route({
      ...{ method: 'GET', path: '/v1/broken', summary: 'Break', access },
      handler: () => {
        throw new Error('select * from accounts failed in /srv/app/x.ts', { cause: 'why' })
      },
    }),
    ...Object.entries(refusals).map(([name, refusal]) =>
      route({
        ...{ method: 'GET', path: `/v1/refuses/${name}`, summary: 'Refuse', access },
        handler: () => {
          throw refusal()
        },
      }),
    ),
    route({
      ...{ method: 'GET', path: '/v1/long', summary: 'Read', access, alsoReturns: ['text/plain'] },
      handler: () => Reply.content(LONG, 'text/plain; charset=utf-8'),
    }),
    route({
      ...{ method: 'GET', path: '/v1/image', summary: 'See', access, alsoReturns: ['image/png'] },
      handler: () => Reply.content(Buffer.alloc(5_000), 'image/png'),
    }),
    route({
      ...{ method: 'GET', path: '/v1/heeds', summary: 'Wait', access },
      handler: (ctx) => sleep(60_000, undefined, { signal: ctx.signal }),
    }),
    route({
      ...{ method: 'GET', path: '/v1/hangs', summary: 'Hang', access },
      handler: (ctx) => {
        hanging.resolve(ctx.signal)
        return new Promise<void>(() => undefined)
      },
    }),
    route({
      ...{ method: 'GET', path: '/v1/waits', summary: 'Wait', access },
      handler: async (ctx) => {
        waiting.begun.resolve(ctx.signal)
        await waiting.go.promise
      },
    }),
  ],
}
const hanging = Promise.withResolvers<AbortSignal>()

const APP = 'https://app.example'
const server = await serve(
  kernel,
  [trial],
  { ann: [] },
  { log: log.category('http'), corsOrigins: [APP] },
)
const hasty = await serve(kernel, [trial], {}, { requestTimeoutMs: 100 })
after(async () => {
  await hasty[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  await kernel[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

let lines = ''
logged.on('data', (chunk: string) => (lines += chunk))

/** The log line of a request. */
function lineOf(correlationId: string, msg = 'request') {
  return eventually(`a line of ${correlationId}`, () =>
    lines
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
      .find((line) => line.correlationId === correlationId && line.msg === msg),
  )
}

function isProblem({ status, headers, body }: TestAnswer, wanted: number, code: string) {
  assert.deepEqual([status, body.code], [wanted, code], JSON.stringify(body))
  assert.match(headers.get('content-type')!, /^application\/problem\+json/)
  assert.equal(body.status, status)
  assert.equal(body.type, `/api/docs/errors#${code}`)
  assert.equal(body.correlationId, headers.get('x-correlation-id'))
  for (const member of ['title', 'detail', 'instance', 'category']) {
    assert.ok(body[member].length > 0, member)
  }
}

const ask = (path: string, headers?: Record<string, string>) =>
  server.request('GET', path, { ...(headers && { headers }) })

test('every kind of refusal is a problem with its code', async () => {
  const send = (method: string, path: string, options = {}) => server.request(method, path, options)
  isProblem(await send('GET', '/v1/nowhere'), 404, 'request.not_found')
  isProblem(await send('GET', '/v1/closed'), 401, 'auth.unauthenticated')
  isProblem(await send('GET', '/v1/closed', { as: 'eve' }), 401, 'auth.unauthenticated')
  isProblem(await send('GET', '/v1/guarded', { as: 'ann' }), 403, 'auth.forbidden')
  isProblem(await send('GET', '/v1/things?x=1'), 400, 'request.invalid')
  isProblem(await send('POST', '/v1/things', { body: [] }), 400, 'request.invalid')
  const large = { body: { name: 'x'.repeat(1024 * 1024) } }
  isProblem(await send('POST', '/v1/things', large), 413, 'request.too_large')
  const unauthenticated = await send('GET', '/v1/closed')
  assert.equal(unauthenticated.headers.get('www-authenticate'), 'Bearer')
})

test('a method that a path does not take is told those that it takes', async () => {
  for (const method of ['DELETE', 'PUT', 'OPTIONS']) {
    const answer = await server.request(method, '/v1/things')
    isProblem(answer, 405, 'request.method_not_allowed')
    assert.equal(answer.headers.get('allow'), 'GET, HEAD, POST')
  }
  isProblem(await server.request('OPTIONS', '/v1/nowhere'), 404, 'request.not_found')
})

test('a body is JSON by its content type, or refused', async () => {
  const post = async (type: string, body = '{"name":"a"}') => {
    const options = { method: 'POST', body: Buffer.from(body), headers: { 'content-type': type } }
    return (await fetch(`${server.url}/v1/things`, options)).status
  }
  assert.equal(await post('application/json'), 204)
  assert.equal(await post('application/json; charset=utf-8'), 204)
  for (const type of [
    ...['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'],
    ...['application/jsonp', 'application/problem+json', 'application/json\ta', 'json', '*/*'],
  ]) {
    assert.equal(await post(type), 415, type)
  }
  const untyped = { method: 'POST', body: Buffer.from('{"name":"a"}') }
  assert.equal((await fetch(`${server.url}/v1/things`, untyped)).status, 415)
  assert.equal(await post('application/json', ''), 400)
})

test('what is wrong is named by its path, and each thing at once', async () => {
  const body = { name: 5, other: 1, inner: { n: 'x', deep: 1 } }
  const { body: problem } = await server.request('POST', '/v1/things', { body })
  const paths = problem.errors.map(({ path }: { path: string }) => path)
  assert.deepEqual(paths.sort(), ['body', 'body.inner', 'body.inner.n', 'body.name'])
})

test('a route that takes no body refuses members that it would not read', async () => {
  const send = (body?: unknown) => server.request('POST', '/v1/plain', { body })
  assert.equal((await send()).status, 204)
  assert.equal((await send({})).status, 204)
  for (const body of [{ more: 1 }, [], 'x', null]) {
    isProblem(await send(body), 400, 'request.invalid')
  }
})

test('what went wrong inside is logged and not told', async () => {
  const answer = await ask('/v1/broken')
  isProblem(answer, 500, 'server.error')
  assert.doesNotMatch(JSON.stringify(answer.body), /select|accounts|srv|why/)
  const line = await lineOf(answer.body.correlationId, 'request failed')
  assert.equal(line.level, 'error')
  assert.match(line.err.message, /select \* from accounts/)
})

test('members that the schema does not name are not sent', async () => {
  assert.deepEqual((await ask('/v1/things?name=a')).body, { name: 'a' })
})

test('a refusal is logged as loud as its kind says, and else by its status', async () => {
  const levels: Record<string, string | undefined> = {}
  for (const name of Object.keys(refusals)) {
    await server.request('GET', `/v1/refuses/${name}`, {
      headers: { 'x-correlation-id': `loud-${name}` },
    })
    await lineOf(`loud-${name}`)
    const told = lines
      .split('\n')
      .filter((line) => line.includes(`"loud-${name}"`) && line.includes('"problem"'))
      .map((line) => JSON.parse(line))
    assert.ok(told.length <= 1)
    levels[name] = told[0]?.level
  }
  assert.deepEqual(levels, { ours: 'error', site: 'info', load: 'warn', client: undefined })
})

test('a correlation id that is given is kept, and else one is made: in answer, problem and log', async () => {
  const given = await ask('/v1/things', { 'x-correlation-id': 'client.call-17' })
  assert.equal(given.headers.get('x-correlation-id'), 'client.call-17')
  const line = await lineOf('client.call-17')
  assert.deepEqual(
    [line.method, line.route, line.path, line.status],
    ['GET', '/api/v1/things', '/v1/things', 200],
  )
  for (const bad of ['a b', 'x'.repeat(65), '"}{"level":"fatal', 'é', '']) {
    const { headers, body } = await ask('/v1/nowhere', { 'x-correlation-id': bad })
    const made = headers.get('x-correlation-id')!
    assert.match(made, /^[0-9a-f-]{36}$/, bad)
    assert.equal(body.correlationId, made)
    assert.equal((await lineOf(made)).status, 404)
  }
})

test('every answer carries the headers that keep a browser from guessing, framing and storing', async () => {
  for (const path of ['/v1/things', '/v1/nowhere', '/v1/broken', '/v1/%2e%2e/x', '/v1/%zz']) {
    const { headers } = await ask(path)
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path)
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('referrer-policy'), 'no-referrer')
    assert.match(headers.get('content-security-policy')!, /default-src 'none'.*frame-ancestors/)
    assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin')
    assert.equal(headers.has('x-powered-by') || headers.has('server'), false)
  }
})

test('where clients come by https, browsers are told to come by nothing else', async () => {
  const publicUrl = 'https://gantry.example'
  await using secure = await serve(kernel, [trial], {}, { publicUrl })
  const { headers } = await secure.request('GET', '/v1/things')
  assert.match(headers.get('strict-transport-security')!, /max-age=31536000/)
  assert.equal((await ask('/v1/things')).headers.get('strict-transport-security'), null)
})

test('what is sent to the public https name has left some machine, though it came over loopback', async () => {
  const publicUrl = 'https://gantry.example'
  await using secure = await serve(kernel, [trial], {}, { publicUrl })
  const askAs = async (host: string) => {
    const request = get(`${secure.url}/v1/where`, { headers: { host } })
    const [answer] = (await once(request, 'response')) as [IncomingMessage]
    return JSON.parse(await text(answer))
  }
  assert.deepEqual(await askAs('gantry.example'), { loopbackOnly: false })
  assert.deepEqual(await askAs('127.0.0.1:8700'), { loopbackOnly: true })
})

test('pages of the origins that are named may call, letter by letter, and no others', async () => {
  const allowed = await ask('/v1/things', { origin: APP })
  assert.equal(allowed.headers.get('access-control-allow-origin'), APP)
  assert.equal(allowed.headers.get('access-control-allow-credentials'), 'true')
  assert.match(allowed.headers.get('vary')!, /origin/i)
  for (const origin of [
    ...['null', 'https://evil-app.example', 'https://app.example.evil', 'http://app.example'],
    ...['https://app.example:444', 'https://APP.example', 'https://app.example/', '*'],
  ]) {
    const { headers } = await ask('/v1/things', { origin })
    assert.equal(headers.get('access-control-allow-origin'), null, origin)
    const asked = await preflight(origin)
    assert.equal(asked.headers.get('access-control-allow-origin'), null, origin)
  }
})

function preflight(origin: string) {
  const headers = { origin, 'access-control-request-method': 'PUT' }
  return server.request('OPTIONS', '/v1/things', { headers })
}

test('a preflight of such a page is answered without asking who it is', async () => {
  const { status, headers } = await preflight(APP)
  assert.equal(status, 204)
  assert.equal(headers.get('access-control-allow-origin'), APP)
  assert.match(headers.get('access-control-allow-methods')!, /PUT/)
  assert.match(headers.get('access-control-allow-headers')!, /authorization.*idempotency-key/)
})

test('a long text is compressed as the client prefers, an image and a short text are not', async () => {
  const plain = (bytes: Buffer) => bytes
  for (const [accept, encoding, open] of [
    ['gzip', 'gzip', gunzipSync],
    ['br', 'br', brotliDecompressSync],
    ['zstd', 'zstd', zstdDecompressSync],
    ['gzip, deflate, br, zstd', 'zstd', zstdDecompressSync],
    ['gzip;q=1, br;q=0.1, zstd;q=0', 'gzip', gunzipSync],
    ['identity', undefined, plain],
  ] as const) {
    const { headers, bytes } = await rawGet('/v1/long', accept)
    assert.equal(headers['content-encoding'], encoding, accept)
    assert.equal(open(bytes).toString(), LONG)
    if (encoding) assert.match(headers.vary!, /accept-encoding/i)
  }
  for (const path of ['/v1/image', '/v1/things']) {
    assert.equal((await rawGet(path, 'gzip')).headers['content-encoding'], undefined, path)
  }
})

async function rawGet(path: string, encoding: string) {
  const { port } = server.http.server.address() as AddressInfo
  const answer = await new Promise<IncomingMessage>((done, fail) =>
    get({ port, host: '127.0.0.1', path, headers: { 'accept-encoding': encoding } }, done).once(
      'error',
      fail,
    ),
  )
  return { headers: answer.headers, bytes: await buffer(answer) }
}

test('a request that takes too long ends with 504, and its handler is told', async () => {
  isProblem(await hasty.request('GET', '/v1/hangs'), 504, 'request.timeout')
  const signal = await hanging.promise
  assert.match(String(signal.reason), /deadline/)
})

test('a handler that stops when it is told is answered for with 504 too', async () => {
  isProblem(await hasty.request('GET', '/v1/heeds'), 504, 'request.timeout')
})

test('a body that does not come in time ends with 408', async () => {
  const sent = request(`${hasty.url}/v1/things`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': '100' },
  })
  sent.write('{"name":')
  const answer = await new Promise<IncomingMessage>((done) => sent.once('response', done))
  const body = JSON.parse(await text(answer))
  assert.deepEqual([answer.statusCode, body.code], [408, 'request.too_slow'])
  assert.equal(body.instance, '/v1/things')
  assert.equal(body.correlationId, answer.headers['x-correlation-id'])
  assert.equal(answer.headers.connection, 'close')
  sent.destroy()
})

test('whoever has gone is no failure of the server', async () => {
  const leaving = new AbortController()
  const id = 'gone-client'
  const options = { headers: { 'x-correlation-id': id }, signal: leaving.signal }
  const answer = fetch(`${server.url}/v1/heeds`, options)
  await eventually('the request is there', () => server.http.inFlight > 0)
  leaving.abort()
  await assert.rejects(answer)
  await eventually('the request has ended', () => server.http.inFlight === 0)
  assert.doesNotMatch(lines, /gone-client[^\n]*request failed/)
})

test('draining lets what is in flight end, refuses what is new, and then nobody listens', async () => {
  const own = await serve(kernel, [trial], {})
  const old = fetch(`${own.url}/v1/waits`)
  await waiting.begun.promise
  const drained = own.http.drain()
  const late = await own.request('GET', '/v1/things')
  isProblem(late, 503, 'server.stopping')
  assert.equal(late.headers.get('retry-after'), '5')
  assert.equal(late.headers.get('connection'), 'close')
  waiting.go.resolve()
  const answer = await old
  assert.deepEqual([answer.status, answer.headers.get('connection')], [204, 'close'])
  await drained
  await own[Symbol.asyncDispose]()
  await assert.rejects(fetch(`${own.url}/v1/things`), ({ cause }: { cause: { code: string } }) => {
    return cause.code === 'ECONNREFUSED'
  })
})
