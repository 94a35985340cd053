import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { client, listen, web, failure } from './fetch-fixture.ts'

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
