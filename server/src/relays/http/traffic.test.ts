import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { tunnelsOf } from './fixture.ts'
import { after, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { eventually, keptMib } from '#kernel/test-support.ts'
import { startRelay } from '../fixture.ts'

const relay = await startRelay()
after(() => relay[Symbol.asyncDispose]())

const MIB = 1024 * 1024

const serve = tunnelsOf(relay)

function* mibs(count: number): Generator<Buffer> {
  for (let i = 0; i < count; i++) yield Buffer.alloc(MIB, i)
}

test('a request goes to the service and its answer comes back', async () => {
  await using shop = await serve('hello', (asked, answer) => {
    answer.setHeader('x-seen', `${asked.method} ${asked.url} ${asked.headers.host}`)
    answer.setHeader('x-from', String(asked.headers['x-forwarded-for']))
    answer.end('hello')
  })
  const { statusCode, headers, body } = await shop.ask('/a?b=c', {
    headers: { 'x-forwarded-for': '203.0.113.9' },
  })
  assert.deepEqual(
    [statusCode, headers['x-seen'], headers['x-from'], await body.text()],
    [200, 'GET /a?b=c hello.localhost', '127.0.0.1', 'hello'],
  )
})

test('connections to the service are used again, and a service that hangs up between is no failure', async () => {
  await using shop = await serve('again', (_, answer) => void answer.end('x'))
  for (let i = 0; i < 20; i++) await (await shop.ask('/')).body.text()
  assert.equal(shop.service.sockets.size, 1)
  for (const socket of shop.service.sockets) socket.destroy()
  for (let i = 0; i < 5; i++) assert.equal((await shop.ask('/')).statusCode, 200)
})

test('events are passed on one by one, while the answer goes on', async () => {
  const next = Promise.withResolvers<ServerResponse>()
  await using shop = await serve('events', (_, answer) => {
    answer.writeHead(200, { 'content-type': 'text/event-stream' })
    answer.flushHeaders()
    next.resolve(answer)
  })
  const { headers, body } = await shop.ask('/')
  assert.equal(headers['content-type'], 'text/event-stream')
  const events = body[Symbol.asyncIterator]()
  const answer = await next.promise
  for (let i = 0; i < 20; i++) {
    answer.write(`data: ${i}\n\n`)
    assert.equal(String((await events.next()).value), `data: ${i}\n\n`)
  }
  answer.end()
  assert.equal((await events.next()).done, true)
})

test('100 MB pass down and up, and nothing is kept of them', async () => {
  await using shop = await serve('large', (asked, answer) => {
    if (asked.method === 'GET') return void Readable.from(mibs(100)).pipe(answer)
    let bytes = 0
    asked.on('data', (chunk: Buffer) => (bytes += chunk.length))
    asked.on('end', () => answer.end(String(bytes)))
  })
  const before = keptMib()
  let most = 0
  let bytes = 0
  const down = await shop.ask('/')
  for await (const chunk of down.body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes % (20 * MIB) < chunk.length) most = Math.max(most, keptMib() - before)
  }
  assert.equal(bytes, 100 * MIB)
  for (const length of [undefined, 100 * MIB]) {
    const headers = length === undefined ? {} : { 'content-length': String(length) }
    const up = await shop.ask('/', { method: 'PUT', body: Readable.from(mibs(100)), headers })
    assert.equal(await up.body.text(), String(100 * MIB))
  }
  // The service, the agent and the visitor are of this process too.
  assert.ok(most < 70, `${most} MiB were kept`)
  await eventually('the bytes are counted', () => {
    return relay.control.counted(shop.spec.id, 'bytesIn') === 200 * MIB
  })
})

test('text is compressed where the tunnel says so, event streams never', async () => {
  await using shop = await serve(
    'small',
    (asked, answer) => {
      const type = asked.url === '/events' ? 'text/event-stream' : 'text/plain'
      answer.writeHead(200, { 'content-type': type }).end('again and '.repeat(1000))
    },
    { config: { compression: true } },
  )
  const packed = await shop.ask('/', { headers: { 'accept-encoding': 'gzip' } })
  const bytes = Buffer.from(await packed.body.arrayBuffer())
  assert.equal(packed.headers['content-encoding'], 'gzip')
  assert.equal(gunzipSync(bytes).length, 10_000)
  const events = await shop.ask('/events', { headers: { 'accept-encoding': 'gzip' } })
  assert.equal(events.headers['content-encoding'], undefined)
  assert.equal((await events.body.text()).length, 10_000)
})

test('each request leaves a record: where it went, what it took, how it ended', async () => {
  await using shop = await serve('recorded', (_, answer) => void answer.end('hello'))
  const { headers, body } = await shop.ask('/a?token=secret')
  await body.text()
  const seen = await eventually('the record is there', async () => {
    const { requests } = await relay.relay.calls.requests({ tunnelId: shop.spec.id, limit: 10 })
    return requests.find(({ id }) => id === headers['gantry-request-id'])
  })
  assert.deepEqual(
    [seen.kind, seen.status, seen.outcome, seen.endpointId, seen.agent, seen.bytesOut, seen.path],
    ['request', 200, 'answered', 'tep_recorded_0', 'default', 5, '/a?token=[redacted]'],
  )
  await eventually('the agent is told', () => {
    return shop.agent.told.some((one) => one.type === 'request' && one.line.status === 200)
  })
})

test('a request is made again from what the inspector kept', async () => {
  const bodies: string[] = []
  await using shop = await serve(
    'inspected',
    async (asked, answer) => {
      bodies.push(`${asked.method} ${asked.url} ${String(await asked.toArray())}`)
      answer.end('ok')
    },
    { config: { inspector: { enabled: true, bodyBytes: 1024 } } },
  )
  const tunnelId = shop.spec.id
  const { headers, body } = await shop.ask('/pay', { method: 'POST', body: 'coins' })
  await body.text()
  const requestId = String(headers['gantry-request-id'])
  await eventually('it is kept', () => relay.relay.calls.request({ tunnelId, requestId }))
  const replayed = await relay.relay.calls.replay({ tunnelId, requestId })
  assert.ok('requestId' in replayed)
  const seen = await eventually('the second one is kept', () => {
    return relay.relay.calls.request({ tunnelId, requestId: replayed.requestId })
  })
  assert.deepEqual(
    [seen.replayOf, seen.status, bodies],
    [requestId, 200, ['POST /pay coins', 'POST /pay coins']],
  )
})
