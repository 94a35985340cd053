import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { test } from 'node:test'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { serve } from '../test-http.ts'
import { kernel, APP, server, lineOf, ask, LONG, trial } from './trial-fixture.ts'

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
