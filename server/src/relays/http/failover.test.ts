import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { request } from 'undici'
import { eventually, freePort } from '#kernel/test-support.ts'
import { serve, serveHttp, serveTcp, speak, startAgent, startRelay } from '../fixture.ts'
import type { SeenRequest } from '../inspect/present.ts'
import type { LiveFigures } from '../peers/calls.ts'

const relay = await startRelay()
after(() => relay[Symbol.asyncDispose]())
const { control } = relay

function send(name: string, method = 'GET') {
  return request(relay.url, { method: method as 'GET', headers: { host: `${name}.localhost` } })
}

async function lastOf(tunnelId: string): Promise<SeenRequest> {
  const { requests } = await relay.relay.calls.requests({ tunnelId, limit: 1 })
  return requests[0]!
}

async function liveOf(tunnelId: string): Promise<LiveFigures> {
  return (await relay.relay.calls.live({ tunnelIds: [tunnelId] }))[tunnelId]!
}

/** Answers with its name and what it was sent. */
async function named(name: string) {
  const seen: string[] = []
  const service = await serveHttp(async (asked: IncomingMessage, answer: ServerResponse) => {
    const body = await text(asked)
    seen.push(`${asked.method} ${body}`)
    answer.end(name)
  })
  return Object.assign(service, { seen })
}

/** Takes a request, and hangs up once it has seen so much of it. */
async function hangsUp(until = '\r\n\r\n') {
  let seen = 0
  const service = await serveTcp((socket: Socket) => {
    let heard = ''
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1')
      if (!heard.includes(until)) return
      seen++
      socket.resetAndDestroy()
    })
  })
  return Object.assign(service, { times: () => seen })
}

test('a request that an endpoint refuses goes to another one, whatever it is, and the record says so', async () => {
  await using good = await named('good')
  const spec = control.add('refuses', [await freePort(), good.port])
  await using _ = await startAgent(relay, [spec])
  for (const method of ['POST', 'GET']) {
    const { statusCode, body, headers } = await send('refuses', method)
    assert.deepEqual([statusCode, await body.text()], [200, 'good'])
    const record = await lastOf(spec.id)
    assert.equal(headers['gantry-request-id'], record.id)
    assert.equal(record.endpointId, 'tep_refuses_1')
  }
  const { requests } = await relay.relay.calls.requests({ tunnelId: spec.id, limit: 9 })
  const tried = requests.flatMap(({ retries }) =>
    retries.map((retry) => `${retry.endpointId} ${retry.failure}`),
  )
  assert.deepEqual(tried, ['tep_refuses_0 refused'])
})

test('an endpoint that an agent finds unwell takes nothing, until it is found well', async () => {
  await using one = await named('one')
  await using other = await named('other')
  const spec = control.add('unwell', [one.port, other.port])
  const healthCheck = {
    kind: 'tcp',
    intervalSeconds: 60,
    timeoutSeconds: 1,
    failures: 1,
    successes: 1,
  } as const
  control.change(spec.id, {
    endpoints: spec.endpoints.map((endpoint) => ({ ...endpoint, healthCheck })),
  })
  await using agent = await startAgent(relay, [spec])
  const answers = async () => {
    const bodies: string[] = []
    for (let n = 0; n < 4; n++) bodies.push(await (await send('unwell')).body.text())
    return bodies.toSorted().join(' ')
  }
  assert.equal(await answers(), 'one one other other')
  const found = async (status: 'healthy' | 'unhealthy') => {
    agent.link.tell({ type: 'health', endpointId: 'tep_unwell_0', status })
    await eventually(status, async () => (await liveOf(spec.id)).endpoints[0]!.health === status)
  }
  await found('unhealthy')
  assert.equal(await answers(), 'other other other other')
  await found('healthy')
  assert.ok((await liveOf(spec.id)).endpoints[0]!.warmth! < 1, 'its share grows slowly')
})

test('an endpoint that keeps refusing is left alone, and the owner sees why', async () => {
  await using good = await named('good')
  const spec = control.add('breaks', [await freePort(), good.port])
  await using _ = await startAgent(relay, [spec])
  const states = async () => (await liveOf(spec.id)).endpoints
  for (let n = 0; n < 100 && (await states())[0]!.breaker === 'closed'; n++) {
    await (await send('breaks')).body.dump()
  }
  const [bad, other] = await states()
  assert.deepEqual([bad!.breaker, bad!.consecutiveFailures, bad!.ejections], ['open', 5, 1])
  assert.ok(bad!.ejectedForMs! > 20_000 && bad!.lastFailure)
  assert.equal(other!.breaker, 'closed')
  for (let n = 0; n < 10; n++) assert.equal(await (await send('breaks')).body.text(), 'good')
  assert.deepEqual((await lastOf(spec.id)).retries, [])
})

test('what a service may have taken is never sent again, except when twice does what once does', async () => {
  await using bad = await hangsUp()
  await using good = await named('good')
  const spec = control.add('unsafe', [bad.port, good.port])
  await using _ = await startAgent(relay, [spec])
  for (const method of ['POST', 'PATCH', 'DELETE', 'GET', 'POST', 'PATCH']) {
    const { statusCode, body } = await send('unsafe', method)
    await body.dump()
    const { retries, endpointId } = await lastOf(spec.id)
    if (retries.length > 0) {
      assert.ok(['GET', 'DELETE'].includes(method), `${method} was sent twice`)
      assert.deepEqual([statusCode, retries[0]!.failure], [200, 'reset'])
    } else if (endpointId === 'tep_unsafe_0') {
      assert.equal(statusCode, 502)
    }
  }
  assert.ok(bad.times() > 0)
  assert.equal(good.seen.length + bad.times() - (await retriesOf(spec.id)), 6)
})

async function retriesOf(tunnelId: string): Promise<number> {
  const { requests } = await relay.relay.calls.requests({ tunnelId, limit: 100 })
  return requests.reduce((sum, { retries }) => sum + retries.length, 0)
}

test('a body that has begun to flow is sent nowhere else; one that was still awaited is', async () => {
  await using bad = await hangsUp('\r\n\r\n')
  await using good = await named('good')
  const spec = control.add('expects', [bad.port, good.port])
  await using _ = await startAgent(relay, [spec])
  const say = async (expect: string) => {
    const head = `PUT / HTTP/1.1\r\nHost: expects.localhost\r\nContent-Length: 4\r\n${expect}Connection: close\r\n\r\n`
    const answer = await speak(relay.port, head, 'body')
    return answer.replace('HTTP/1.1 100 Continue\r\n\r\n', '').slice(9, 12)
  }
  const results = new Set<string>()
  for (let n = 0; n < 2; n++) results.add(`awaited ${await say('Expect: 100-continue\r\n')}`)
  assert.deepEqual([...results], ['awaited 200'])
  assert.equal(bad.times(), 1)
  for (let n = 0; n < 2; n++) results.add(`flowing ${await say('')}`)
  assert.deepEqual([...results].toSorted(), ['awaited 200', 'flowing 200', 'flowing 502'])
  assert.deepEqual(good.seen, ['PUT body', 'PUT body', 'PUT body'])
})

test('when there is nowhere else to go, the visitor hears what has failed, and nothing stays counted', async () => {
  const spec = control.add('alone', [await freePort()])
  await using _ = await startAgent(relay, [spec])
  for (let n = 0; n < 8; n++) {
    const { statusCode, headers, body } = await send('alone')
    await body.dump()
    assert.deepEqual([statusCode, headers['gantry-tunnel-error']], [502, 'tunnel.service_refused'])
  }
  const { retries, outcome, status } = await lastOf(spec.id)
  assert.deepEqual([retries, outcome, status], [[], 'tunnel.service_refused', 502])
  const { lastMinute, inUse, endpoints } = await liveOf(spec.id)
  assert.deepEqual([lastMinute!.inFlight, inUse, endpoints[0]!.breaker], [0, 0, 'closed'])
})

test('a link that is lost is no fault of its endpoint, and what can be sent again goes by another one', async () => {
  const held: ServerResponse[] = []
  await using slow = await serveHttp((_, answer) => void held.push(answer))
  await using good = await named('good')
  const spec = control.add('links', [slow.port, good.port])
  const endpoints = spec.endpoints.map((endpoint, at) => ({
    ...endpoint,
    agent: ['one', 'other'][at]!,
  }))
  const changed = control.change(spec.id, { endpoints })
  await using one = await startAgent(relay, [changed], { label: 'one' })
  await using _ = await startAgent(relay, [control.specs.get(spec.id)!], { label: 'other' })
  const asked = Array.from({ length: 20 }, () => send('links'))
  await eventually('half wait at the slow one', () => held.length === 10)
  one.link.destroy()
  const answers = await Promise.all(asked)
  const bodies = await Promise.all(answers.map(({ body }) => body.text()))
  const statuses = answers.map(({ statusCode }) => statusCode)
  // The budget of retries: a fifth of 20 that are under way, and three beside.
  const ok = statuses.filter((status) => status === 200).length
  assert.ok(ok >= 10 + 4, `${ok}`)
  assert.ok(bodies.filter((body) => body === 'good').length === ok)
  const { endpoints: states, lastMinute } = await liveOf(spec.id)
  assert.equal(states[0]!.breaker, 'closed')
  assert.equal(lastMinute!.inFlight, 0)
})

test('the bytes of a long answer are counted while it lasts, and in all exactly once', async () => {
  let answering: ServerResponse | undefined
  await using service = await serveHttp((_, answer) => {
    answering = answer
    answer.write(Buffer.alloc(100_000))
  })
  const spec = control.add('long', [service.port])
  await using _ = await startAgent(relay, [spec])
  const { body } = await send('long')
  const counted = () => control.counted(spec.id, 'bytesOut')
  await eventually('its beginning is counted', () => counted() >= 100_000)
  assert.equal(control.counted(spec.id, 'requests'), 0)
  answering!.end(Buffer.alloc(50_000))
  assert.equal((await body.arrayBuffer()).byteLength, 150_000)
  await eventually('it is counted', () => control.counted(spec.id, 'requests') === 1)
  assert.equal(counted(), 150_000)
})

test('the inspector shows what passed, holds nothing up, and sends it again', async () => {
  const told: string[] = []
  let end = () => {}
  await using service = await serveHttp(async (asked, answer) => {
    const body = await text(asked)
    told.push(`${asked.method} ${asked.url} ${String(asked.headers['x-a'])} ${body}`)
    answer.setHeader('content-type', 'application/json')
    answer.setHeader('set-cookie', 'id=s3cr3t')
    answer.write('{"password":"s3cr3t",')
    end = () => answer.end('"b":1}')
    if (told.length > 1) end()
  })
  const spec = control.add('seen', [service.port], {
    config: { inspector: { enabled: true, bodyBytes: 1000 } },
  })
  await using _ = await startAgent(relay, [spec])
  const { body } = await request(`${relay.url}/x?token=s3cr3t`, {
    ...{ method: 'POST', body: '{"c":2}' },
    headers: { host: 'seen.localhost', 'content-type': 'application/json', 'x-a': '1' },
  })
  const [first] = (await once(body, 'data')) as [Buffer]
  assert.equal(first.toString(), '{"password":"s3cr3t",')
  end()
  await once(body.resume(), 'end')
  const record = await eventually('it is recorded', () => lastOf(spec.id))
  assert.equal(record.path, '/x?token=[redacted]')
  const seen = (await relay.relay.calls.request({ tunnelId: spec.id, requestId: record.id }))!
  assert.deepEqual(seen.request!.body, { length: 7, cut: false, text: '{"c":2}' })
  assert.deepEqual(seen.response!.body, {
    length: 27,
    cut: false,
    text: '{"password":"[redacted]","b":1}',
  })
  assert.ok(!JSON.stringify(seen).includes('s3cr3t'))

  const replayed = await relay.relay.calls.replay({ tunnelId: spec.id, requestId: record.id })
  assert.ok('requestId' in replayed, JSON.stringify(replayed))
  const again = await eventually('it is recorded', async () => {
    const last = await lastOf(spec.id)
    return last.id === replayed.requestId && last
  })
  assert.deepEqual([again.replayOf, again.status, again.path], [record.id, 200, record.path])
  assert.deepEqual(told, ['POST /x?token=s3cr3t 1 {"c":2}', 'POST /x?token=s3cr3t 1 {"c":2}'])
})

test('an upload that was given up is recorded as that, and is not sent again', async () => {
  await using service = await serve(createServer())
  const spec = control.add('given-up', [service.port], {
    config: { inspector: { enabled: true, bodyBytes: 1000 } },
  })
  await using _ = await startAgent(relay, [spec])
  const socket = connect(relay.port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: given-up.localhost\r\nContent-Length: 100\r\n\r\nbegun')
  await eventually('it has arrived', () => service.sockets.size > 0)
  await eventually(
    'its body is passing',
    async () => (await liveOf(spec.id)).lastMinute!.bytesInPerSecond > 0,
  )
  socket.destroy()
  const record = await eventually('it is recorded', () => lastOf(spec.id))
  assert.equal(record.outcome, 'visitor_left')
  const replayed = await relay.relay.calls.replay({ tunnelId: spec.id, requestId: record.id })
  assert.ok('refused' in replayed && replayed.refused === 'body_cut')
})
