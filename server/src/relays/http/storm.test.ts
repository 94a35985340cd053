import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { type IncomingMessage, request as ask, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EndpointSpec } from '#tunnels/index.ts'
import { eventually, freePort } from '#kernel/test-support.ts'
import { serveHttp, serveTcp, startAgent, startRelay, type TestAgent } from '../fixture.ts'

const VISITS = 600
const AT_ONCE = 50

const relay = await startRelay(undefined, { idleAfterMs: 600_000 })
after(() => relay[Symbol.asyncDispose]())
const { control } = relay

/** How often each visit has come to a service. */
const arrived = new Map<string, number>()
const arrive = (id: string) => arrived.set(id, (arrived.get(id) ?? 0) + 1)

/** Does any of what services do, most of it well. */
function answerSomehow(asked: IncomingMessage, answer: ServerResponse): void {
  arrive(String(asked.headers['x-visit']))
  const chance = randomInt(100)
  if (chance < 4) return void asked.socket.resetAndDestroy()
  if (chance < 8) return void asked.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
  if (chance < 11) return void asked.socket.end('nonsense\r\n\r\n')
  if (chance < 20) return void answer.writeHead(503).end('busy')
  if (chance < 30) return void answer.end('without reading')
  if (chance < 45) return void asked.pipe(answer)
  asked.resume()
  asked.once('end', () => {
    if (chance < 60) answer.end(Buffer.alloc(300_000))
    else setTimeout(() => answer.end('later'), randomInt(30))
  })
}

/** One visitor who may leave at any moment; resolves when it is over, to the status that it has got. */
function visit(id: string): Promise<number> {
  const method = ['GET', 'POST', 'PUT', 'PATCH'][randomInt(4)]!
  const { promise, resolve } = Promise.withResolvers<number>()
  const asking = ask({
    ...{ port: relay.port, host: '127.0.0.1', method, agent: false },
    headers: {
      host: 'storm.localhost',
      'x-visit': `${method} ${id}`,
      ...(randomInt(4) === 0 && { expect: '100-continue' }),
    },
  })
  asking.on('response', (response) => {
    response.on('error', () => {})
    response.resume()
    response.once('close', () => resolve(response.statusCode!))
  })
  asking.on('error', () => resolve(0))
  if (randomInt(8) === 0) setTimeout(() => asking.destroy(), randomInt(40))
  if (method !== 'GET')
    for (let n = randomInt(6); n > 0; n--) asking.write(Buffer.alloc(randomInt(100_000)))
  asking.end()
  return promise
}

/** Cuts links and comes again, until the storm is over. */
async function cutLinks(open: () => Promise<TestAgent>, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await using agent = await open()
    await sleep(randomInt(20, 200))
    agent.link.destroy()
  }
}

test('after any storm nothing is left, all is counted, and nothing unsafe has come twice', async () => {
  await using one = await serveHttp(answerSomehow)
  await using other = await serveHttp(answerSomehow)
  await using mute = await serveTcp((socket: Socket) => void setTimeout(() => socket.destroy(), 20))
  const ports = [one.port, other.port, mute.port, await freePort()]
  const spec = control.add('storm', ports, {
    config: { maxConnections: 40, queueSeconds: 1, inspector: { enabled: true, bodyBytes: 5_000 } },
  })
  const endpoints: EndpointSpec[] = spec.endpoints.map((endpoint, at) => ({
    ...endpoint,
    agent: at % 2 ? 'b' : 'a',
    weight: at < 2 ? 10 : 1,
  }))
  control.change(spec.id, { endpoints })
  const current = () => control.specs.get(spec.id)!
  await using _ = await startAgent(relay, [current()], { label: 'a' })
  let left = VISITS
  const cutting = cutLinks(
    () => startAgent(relay, [current()], { label: 'b' }),
    () => left <= 0,
  )
  const changing = changeSettings(() => left <= 0)

  const statuses = new Map<number, number>()
  const visitor = async () => {
    while (left-- > 0) {
      const status = await visit(String(left))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  await Promise.all([...Array.from({ length: AT_ONCE }, visitor), cutting, changing])

  assert.ok((statuses.get(200) ?? 0) > VISITS / 3, JSON.stringify([...statuses]))
  for (const [id, times] of arrived) {
    if (/^(POST|PATCH)/.test(id)) assert.equal(times, 1, `${id} has come ${times} times`)
  }
  await eventually('nothing is under way', () => relay.relay.facts.streams === 0)
  const live = (await relay.relay.calls.live({ tunnelIds: [spec.id] }))[spec.id]!
  assert.deepEqual([live.inUse, live.waiting, live.lastMinute!.inFlight], [0, 0, 0])
  for (const { inFlight } of live.lastMinute!.endpoints) assert.equal(inFlight, 0)
  const { requests, failures } = relay.relay.facts
  await eventually('all is counted', () => control.counted(spec.id, 'requests') === requests)
  assert.equal(control.counted(spec.id, 'failures'), failures)
  const { requests: seen } = await relay.relay.calls.requests({ tunnelId: spec.id, limit: 100 })
  assert.equal(seen.length, 100)
  for (const { retries } of seen) assert.ok(retries.length <= 3)

  async function changeSettings(isOver: () => boolean): Promise<void> {
    for (let n = 0; !isOver(); n++) {
      await sleep(100)
      const inspector = { enabled: n % 3 !== 0, bodyBytes: 5_000 }
      control.change(spec.id, {
        config: { inspector, compression: n % 2 === 0 },
        endpoints: n % 5 === 0 ? endpoints.slice(0, 3) : endpoints,
      })
    }
  }
})
