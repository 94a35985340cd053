import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as requestHttp, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { after, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { request } from 'undici'
import { eventually, keptMib } from '#kernel/test-support.ts'
import {
  serveHttp,
  serveTcp,
  speak,
  startAgent,
  startRelay,
  type TunnelChange,
} from '../fixture.ts'

const relay = await startRelay()
after(() => relay[Symbol.asyncDispose]())

const MIB = 1024 * 1024

/** A tunnel to a service that answers like this. */
async function serve(
  name: string,
  answer: (asked: IncomingMessage, answer: ServerResponse) => void,
  change: TunnelChange = {},
) {
  const service = await serveHttp(answer)
  const spec = relay.control.add(name, [service.port], change)
  const agent = await startAgent(relay, [spec])
  const host = `${name}.localhost`
  return {
    ...{ service, spec, agent, host },
    ask: (path: string, options: Parameters<typeof request>[1] = {}) =>
      request(relay.url + path, {
        ...options,
        headers: { host, ...(options?.headers as Record<string, string>) },
      }),
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]()
      await service[Symbol.asyncDispose]()
    },
  }
}

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

test('HEAD, 204 and 304 have no body, and the next answer is the next one', async () => {
  await using shop = await serve('bodyless', (asked, answer) => {
    answer.statusCode = Number(asked.url!.slice(1))
    if (asked.method === 'HEAD') answer.setHeader('content-length', 500)
    answer.end()
  })
  const statuses = []
  for (const [method, path] of [
    ['HEAD', '/200'],
    ['GET', '/204'],
    ['GET', '/304'],
    ['GET', '/200'],
  ]) {
    const { statusCode, body } = await shop.ask(path!, { method: method as 'GET' })
    statuses.push([statusCode, await body.text()])
  }
  assert.deepEqual(statuses, [
    [200, ''],
    [204, ''],
    [304, ''],
    [200, ''],
  ])
})

test('nobody is told of a tunnel that is not there, of one without an agent, or of a service that is not up', async () => {
  const asked = async (host: string, accept = '*/*') => {
    const { statusCode, headers, body } = await request(relay.url, { headers: { host, accept } })
    return { status: statusCode, headers, text: await body.text() }
  }
  const unknown = await asked('nothing.localhost')
  assert.deepEqual(
    [unknown.status, unknown.headers['gantry-tunnel-error']],
    [404, 'tunnel.unknown_host'],
  )
  assert.equal(JSON.parse(unknown.text).code, 'tunnel.unknown_host')

  relay.control.add('alone', [1])
  const alone = await asked('alone.localhost', 'text/html')
  assert.deepEqual([alone.status, alone.headers['gantry-tunnel-error']], [503, 'tunnel.no_agent'])
  assert.match(alone.text, /<html/)

  const service = await serveHttp(() => {})
  await service[Symbol.asyncDispose]()
  const spec = relay.control.add('down', [service.port])
  await using agent = await startAgent(relay, [spec])
  void agent
  const down = await asked('down.localhost')
  assert.deepEqual(
    [down.status, down.headers['gantry-tunnel-error']],
    [502, 'tunnel.service_refused'],
  )
  const product = await asked('127.0.0.1')
  assert.deepEqual([product.status, product.text], [200, 'the product'])
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

test('trailers pass both ways', async () => {
  await using shop = await serve('trailers', (asked, answer) => {
    asked.resume().on('end', () => {
      answer.writeHead(200, { trailer: 'x-sum' })
      answer.write(String(asked.trailers['x-asked']))
      answer.addTrailers({ 'x-sum': '42' })
      answer.end()
    })
  })
  const asked = requestHttp(relay.url, {
    method: 'POST',
    headers: { host: shop.host, trailer: 'x-asked', te: 'trailers' },
  })
  asked.write('body')
  asked.addTrailers({ 'x-asked': 'before' })
  asked.end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  let text = ''
  answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await once(answer, 'end')
  assert.deepEqual([text, answer.trailers['x-sum']], ['before', '42'])
})

test('who waits to be told to send a body hears what the service says to that', async () => {
  let asked = 0
  await using shop = await serve('expect', () => {})
  await using other = await serveTcp((socket) => {
    socket.once('data', (head) => {
      assert.match(String(head), /expect: 100-continue/i)
      if (asked++ > 0) return void socket.end('HTTP/1.1 417 No\r\ncontent-length: 0\r\n\r\n')
      socket.write('HTTP/1.1 100 Continue\r\n\r\n')
      socket.once('data', (body) => {
        socket.write(
          `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\n${String(body)}`,
        )
      })
    })
  })
  const spec = relay.control.add('expecting', [other.port])
  await using agent = await startAgent(relay, [spec])
  void agent
  void shop
  const send = async () => {
    const sent = requestHttp(relay.url, {
      method: 'POST',
      headers: { host: 'expecting.localhost', expect: '100-continue', 'content-length': 4 },
    })
    sent.flushHeaders()
    const first = await Promise.race([
      once(sent, 'continue').then(() => 'continue'),
      once(sent, 'response').then(([answer]) => (answer as IncomingMessage).statusCode),
    ])
    if (first !== 'continue') {
      sent.destroy()
      return first
    }
    sent.end('body')
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    return String(await answer.toArray())
  }
  assert.deepEqual([await send(), await send()], ['body', 417])
})

test('an answer that comes before the body is whole, and the connection to the service is not used again', async () => {
  await using shop = await serve('early', (asked, answer) => {
    if (asked.url === '/ok') return void answer.end('fine')
    answer.writeHead(413, { 'content-length': 8 }).end('too much')
  })
  const sent = requestHttp(relay.url, { method: 'POST', headers: { host: shop.host } })
  sent.on('error', () => {})
  sent.write(Buffer.alloc(64 * 1024))
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  assert.deepEqual([answer.statusCode, String(await answer.toArray())], [413, 'too much'])
  sent.destroy()
  assert.equal(await (await shop.ask('/ok')).body.text(), 'fine')
})

test('a visitor who goes ends the work of the service, and one whose service dies is not told that all is well', async () => {
  const gone = Promise.withResolvers<void>()
  await using shop = await serve('ends', (asked, answer) => {
    answer.write('x'.repeat(1000))
    if (asked.url === '/dies') return void setImmediate(() => asked.socket.destroy())
    answer.on('close', () => gone.resolve())
  })
  const leaving = await shop.ask('/')
  leaving.body.on('error', () => {}).destroy()
  await gone.promise
  const dying = await shop.ask('/dies')
  await assert.rejects(dying.body.text())
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

test('a request that was not given away is made elsewhere; one that may have arrived is not', async () => {
  let posts = 0
  const dead = await serveHttp(() => {})
  await dead[Symbol.asyncDispose]()
  await using dying = await serveHttp((asked) => {
    posts++
    asked.socket.destroy()
  })
  await using good = await serveHttp((asked, answer) => {
    asked.resume().on('end', () => answer.end('good'))
  })
  const spec = relay.control.add('several', [])
  const at = (port: number, priority: number) => ({
    ...{
      id: `tep_${port}`,
      url: `http://127.0.0.1:${port}`,
      agent: 'default',
      priority,
      weight: 1,
    },
  })
  const endpoints = [at(dead.port, 0), at(good.port, 1)]
  await using agent = await startAgent(relay, [
    relay.control.change(spec.id, { endpoints: [...endpoints, at(dying.port, 2)] }),
  ])
  void agent
  const post = async () => {
    const { statusCode, body } = await request(relay.url, {
      ...{ method: 'POST', body: 'once', headers: { host: 'several.localhost' } },
    })
    return [statusCode, await body.text()]
  }
  relay.control.change(spec.id, { endpoints })
  assert.deepEqual(await post(), [200, 'good'])

  relay.control.change(spec.id, { endpoints: [at(dying.port, 0), at(good.port, 1)] })
  const status = await eventually('the endpoints are new', async () => {
    const [status] = await post()
    return posts > 0 && status
  })
  assert.deepEqual([status, posts], [502, 1])
})

test('limits of the tunnel hold, and what is over is given back', async () => {
  const waiting: ServerResponse[] = []
  await using shop = await serve('limited', (_, answer) => void waiting.push(answer), {
    config: { maxConnections: 2 },
  })
  const first = [shop.ask('/'), shop.ask('/')]
  await eventually('both are there', () => waiting.length === 2)
  const third = await shop.ask('/')
  assert.deepEqual(
    [third.statusCode, third.headers['gantry-tunnel-error']],
    [429, 'tunnel.too_many_connections'],
  )
  await third.body.text()
  for (const answer of waiting) answer.end('done')
  for (const answer of await Promise.all(first)) await answer.body.text()
  await eventually('there is room', async () => {
    const asking = shop.ask('/')
    const arrived = await Promise.race([
      eventually('it comes', () => waiting.length > 2, 2_000).then(
        () => true,
        () => false,
      ),
      asking.then(() => false),
    ])
    if (arrived) for (const answer of waiting) answer.end()
    await (await asking).body.text()
    return arrived
  })
})

test('a service that says nothing is given up after its time', async () => {
  await using shop = await serve('silent', () => {}, { config: { timeoutSeconds: 1 } })
  const { statusCode, headers } = await shop.ask('/')
  assert.deepEqual([statusCode, headers['gantry-tunnel-error']], [504, 'tunnel.timeout'])
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

test('HTTP/1.0 visitors are served, and a connection that is to be closed is', async () => {
  await using shop = await serve('old', (_, answer) => {
    answer.write('no length')
    answer.end()
  })
  const heard = await speak(relay.port, `GET / HTTP/1.0\r\nHost: ${shop.host}\r\n\r\n`)
  assert.match(heard, /^HTTP\/1\.1 200 /)
  assert.match(heard, /\r\n\r\nno length$/)
})
