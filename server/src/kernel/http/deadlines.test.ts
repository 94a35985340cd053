import assert from 'node:assert/strict'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { serve } from '../test-http.ts'
import { eventually } from '../test-support.ts'
import {
  kernel,
  waiting,
  hanging,
  server,
  hasty,
  isProblem,
  trial,
  logged,
} from './trial-fixture.ts'

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
  assert.doesNotMatch(logged(), /gone-client[^\n]*request failed/)
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
