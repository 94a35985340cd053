import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { after, test } from 'node:test'
import { request } from 'undici'
import { eventually, keptMib } from '#kernel/test-support.ts'
import { LINK_PATH } from '../link-protocol.ts'
import {
  serveHttp,
  speak,
  startAgent,
  startRelay,
  type TestAgent,
  type TestControl,
  type TestRelay,
} from '../fixture.ts'
import { Heartbeats } from './heartbeats.ts'
import { windowFor } from './windows.ts'

const relay = await startRelay()
after(() => relay[Symbol.asyncDispose]())

const ask = (name: string, { url }: TestRelay = relay) =>
  request(url, { headers: { host: `${name}.localhost` } })

test('a link needs a ticket that counts, and is in the books from its beginning to its end', async () => {
  const wish = (more: string) =>
    speak(
      relay.port,
      `GET ${LINK_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: gantry-tunnel/1\r\n${more}\r\n`,
    )
  assert.match(await wish(''), /^HTTP\/1\.1 401 [^]*tunnel\.ticket_missing/)
  assert.match(await wish('Authorization: Bearer nonsense\r\n'), /^HTTP\/1\.1 401 [^]*ticket_wrong/)
  const hosted = `GET ${LINK_PATH} HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: gantry-tunnel/1\r\n\r\n`
  assert.match(await speak(relay.port, hosted), /^HTTP\/1\.1 400 [^]*under the name of the product/)

  const spec = relay.control.add('booked', [1])
  const agent = await startAgent(relay, [spec])
  assert.deepEqual([...relay.control.open.keys()], relay.relay.linkIds())
  await agent[Symbol.asyncDispose]()
  await eventually('the books are closed', () => relay.control.open.size === 0)
})

test('a link that is lost in the middle of a download ends the download at once', async () => {
  await using service = await serveHttp((_, answer) => void answer.write('x'.repeat(10_000)))
  const spec = relay.control.add('lost', [service.port])
  const agent = await startAgent(relay, [spec])
  const { body } = await ask('lost')
  const read = body.text()
  read.catch(() => {})
  await agent[Symbol.asyncDispose]()
  await assert.rejects(read)
  await eventually('nobody serves it', async () => {
    const { statusCode, body } = await ask('lost')
    await body.text()
    return statusCode === 503
  })
})

test('of two runs of an agent, no request reaches the older one once the newer has a link', async () => {
  const answers = (text: string) => serveHttp((_, answer) => void answer.end(text))
  await using older = await answers('older')
  await using newer = await answers('newer')
  const spec = relay.control.add('epochs', [older.port])
  await using first = await startAgent(relay, [spec])
  assert.equal(await (await ask('epochs')).body.text(), 'older')

  const url = `http://127.0.0.1:${newer.port}`
  const moved = relay.control.change(spec.id, { endpoints: [{ ...spec.endpoints[0]!, url }] })
  await using second = await startAgent(relay, [moved])
  void second
  for (let i = 0; i < 5; i++) assert.equal(await (await ask('epochs')).body.text(), 'newer')
  await eventually('the older one is told', () => {
    return first.told.some((one) => one.type === 'lost' && one.code === 'tunnel.taken_over')
  })
  await first.link.closed
})

test('a tunnel that is stopped or deleted is served to nobody, and what is under way is cut', async () => {
  for (const [name, end] of [
    ['stopped', (id: string) => void relay.control.change(id, { started: false })],
    ['deleted', (id: string) => relay.control.remove(id)],
  ] as const) {
    await using service = await serveHttp((_, answer) => void answer.write('begun'))
    const spec = relay.control.add(name, [service.port])
    await using agent = await startAgent(relay, [spec])
    const { body } = await ask(name)
    const read = body.text()
    read.catch(() => {})
    end(spec.id)
    await assert.rejects(read)
    await eventually('the agent is told', () => agent.told.some((one) => one.type === 'lost'))
    await eventually('it is gone', async () => {
      const { statusCode, body } = await ask(name)
      await body.text()
      return statusCode === (name === 'stopped' ? 503 : 404)
    })
  }
})

/** From now on answers to agents who ask for links wait. */
function holdBack(control: TestControl) {
  const { promise, resolve } = Promise.withResolvers<void>()
  const answered: string[] = []
  const { openLink } = control
  control.openLink = async (link) => {
    const opened = await openLink.call(control, link)
    answered.push(link.linkId)
    await promise
    return opened
  }
  const release = () => {
    control.openLink = openLink
    resolve()
  }
  return { answered, release, [Symbol.dispose]: release }
}

test('a tunnel that is stopped or deleted while a link of it opens loses that link too', async () => {
  for (const [name, end, code] of [
    ['late-stop', (id: string) => void relay.control.change(id, { started: false }), 'stopped'],
    ['late-delete', (id: string) => relay.control.remove(id), 'not_found'],
  ] as const) {
    for (const isKnown of [true, false]) {
      const spec = relay.control.add(`${name}-${isKnown}`, [1])
      await using known = isKnown ? await startAgent(relay, [spec]) : undefined
      await using other = await startAgent(relay, [relay.control.add(`${name}-news`, [1])])
      using held = holdBack(relay.control)
      const opening = startAgent(relay, [spec], { label: 'second' })
      await eventually('it was asked for', () => held.answered.length > 0)
      end(spec.id)
      // An answer of the watch comes in between, as long as the relay has others to hear of.
      const endpoints = [{ ...spec.endpoints[0]!, id: 'tep_more' }]
      relay.control.change(`tun_${name}-news`, { endpoints })
      const isTold = (agent: TestAgent, what: string) =>
        agent.told.some((one) => JSON.stringify(one).includes(what))
      await eventually('news are heard', () => isTold(other, 'tep_more'))
      if (known) await eventually('the first one is told', () => isTold(known, code))
      held.release()
      await using late = await opening
      await eventually('the second one is told', () => isTold(late, `tunnel.${code}`))
    }
  }
})

test('an agent is told of new endpoints, and its health reports reach the control plane', async () => {
  const spec = relay.control.add('healthy', [1])
  await using agent = await startAgent(relay, [spec])
  relay.control.change(spec.id, {
    endpoints: [
      ...spec.endpoints,
      { ...spec.endpoints[0]!, id: 'tep_new', url: 'http://127.0.0.1:2' },
    ],
  })
  await eventually('it is told', () => {
    return agent.told.some(
      (one) => one.type === 'tunnels' && one.tunnels[0]?.endpoints.length === 2,
    )
  })
  agent.link.tell({ type: 'health', endpointId: 'tep_new', status: 'unhealthy', message: 'down' })
  agent.link.tell({ type: 'health', endpointId: 'tep_of_somebody_else', status: 'unhealthy' })
  await eventually('it is reported', () => relay.control.health.length > 0)
  assert.deepEqual(
    relay.control.health.map(({ endpointId, status, message }) => [endpointId, status, message]),
    [['tep_new', 'unhealthy', 'down']],
  )
})

test('a relay that drains tells its agents first, and loses no request', async () => {
  await using going = await startRelay()
  const waiting: ServerResponse[] = []
  await using service = await serveHttp((_, answer) => void waiting.push(answer))
  const spec = going.control.add('drained', [service.port])
  await using agent = await startAgent(going, [spec])
  const asked = Array.from({ length: 20 }, () => ask('drained', going))
  await eventually('all are under way', () => waiting.length === 20)
  const drained = going.relay.drain(AbortSignal.timeout(30_000))
  await eventually('the agent is told', () => agent.told.some(({ type }) => type === 'drain'))
  assert.equal(going.relay.facts.streams, 20)
  for (const answer of waiting) answer.end('whole')
  const texts = await Promise.all(asked.map(async (one) => (await one).body.text()))
  assert.deepEqual(new Set(texts), new Set(['whole']))
  await drained
  await agent.link.closed
  assert.equal(going.relay.facts.links, 0)
})

test('a relay whose control plane is away serves those whom it knows, and says so to the others', async () => {
  await using alone = await startRelay()
  await using service = await serveHttp((_, answer) => void answer.end('served'))
  const spec = alone.control.add('known', [service.port])
  await using agent = await startAgent(alone, [spec])
  void agent
  alone.control.broken = new Error('away')
  assert.equal(await (await ask('known', alone)).body.text(), 'served')
  const unknown = await ask('unknown', alone)
  assert.deepEqual(
    [unknown.statusCode, unknown.headers['gantry-tunnel-error']],
    [503, 'tunnel.unreachable'],
  )
  await unknown.body.text()
  await assert.rejects(startAgent(alone, [spec]), { status: 503 })
})

test('who has no answer to two questions is silent; who speaks is not', async () => {
  using heartbeats = new Heartbeats(200)
  let bytes = 0
  const silent = Promise.withResolvers<void>()
  heartbeats.add({ bytesRead: 7, ping: () => true, onSilence: silent.resolve })
  let said = false
  heartbeats.add({
    get bytesRead() {
      return ++bytes
    },
    ping: () => true,
    onSilence: () => (said = true),
  })
  await silent.promise
  assert.equal(said, false)
})

test('a long way gets a large window, many who do not keep up a small one', () => {
  const KIB = 1024
  assert.equal(windowFor(0, 0.1), 256 * KIB)
  assert.equal(windowFor(400, 0.1), 64 * KIB)
  assert.equal(windowFor(0, 50), 8 * KIB * KIB)
  assert.equal(windowFor(64, 50), 512 * KIB)
})

test('T48: forty visitors who never read and forty who hardly send hold up nobody', async () => {
  await using service = await serveHttp((asked: IncomingMessage, answer) => {
    if (asked.url === '/small') return void answer.end('small')
    if (asked.method === 'POST') return void asked.resume().on('end', () => answer.end())
    const chunk = Buffer.alloc(64 * 1024)
    const go = () => {
      while (!answer.destroyed && answer.write(chunk));
    }
    answer.on('drain', go)
    go()
  })
  const spec = relay.control.add('stalled', [service.port])
  await using agent = await startAgent(relay, [spec])
  void agent
  const host = 'Host: stalled.localhost\r\n'
  const sockets = Array.from({ length: 80 }, (_, i) => {
    const socket = connect(relay.port, '127.0.0.1').pause()
    socket.on('error', () => {})
    if (i % 2 === 0) socket.write(`GET /large HTTP/1.1\r\n${host}\r\n`)
    else socket.write(`POST / HTTP/1.1\r\n${host}Content-Length: 1000\r\n\r\nx`)
    return socket
  })
  await eventually('all are under way', () => relay.relay.facts.streams >= 80)
  for (let i = 0; i < 200; i++) {
    const { body } = await request(`${relay.url}/small`, { headers: { host: 'stalled.localhost' } })
    assert.equal(await body.text(), 'small')
  }
  for (const socket of sockets) socket.destroy()
  await eventually('nothing is left', () => relay.relay.facts.streams === 0)
})

test('T48: headers that do not come to an end are given up', { timeout: 60_000 }, async () => {
  const socket = connect(relay.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nHost: stalled.localhost\r\nX-Slow: ')
  const [heard] = (await once(socket, 'data')) as [Buffer]
  assert.match(String(heard), /^HTTP\/1\.1 408 /)
  socket.destroy()
})

test('T48: of one address no more connections stand open than may, and links do not count', async () => {
  await using small = await startRelay(undefined, { perAddress: { maxConnections: 5 } })
  const spec = small.control.add('few', [1])
  const agents = await Promise.all(Array.from({ length: 5 }, () => startAgent(small, [spec])))
  const sockets = Array.from({ length: 6 }, () => connect(small.port, '127.0.0.1'))
  const closed = await Promise.race(sockets.map(async (socket) => once(socket, 'close')))
  assert.ok(closed)
  for (const socket of sockets) socket.destroy()
  await eventually('there is room again', () => {
    return new Promise<boolean>((resolve) => {
      get(small.url, { headers: { host: 'nothing.localhost' }, agent: false }, (answer) => {
        answer.resume()
        resolve(answer.statusCode === 404)
      }).on('error', () => resolve(false))
    })
  })
  for (const agent of agents) await agent[Symbol.asyncDispose]()
})

test('what an agent writes keeps back no report of health, and neither do many at once', async () => {
  const ports = Array.from({ length: 1_200 }, (_, at) => at + 1)
  const spec = relay.control.add('many', ports)
  await using agent = await startAgent(relay, [spec])
  const ids = spec.endpoints.map(({ id }) => id)
  const message = `nul \0 and half ${'x'.repeat(484)}😀`
  for (const endpointId of ids)
    agent.link.tell({ type: 'health', endpointId, status: 'unhealthy', message })
  const told = () => relay.control.health.filter(({ tunnelId }) => tunnelId === spec.id)
  await eventually(
    'all are told',
    () => new Set(told().map((one) => one.endpointId)).size === 1_200,
  )
  for (const { message = '' } of told()) {
    assert.ok(message.isWellFormed() && !message.includes('\0'), message)
  }
})

test('the request that asked for a link, and its ticket, are not kept while the link stands', async () => {
  await using relay = await startRelay()
  const spec = relay.control.add('shop', [1])
  const asked: WeakRef<object>[] = []
  relay.server.prependListener('upgrade', (request: object) => asked.push(new WeakRef(request)))
  await using agent = await startAgent(relay, [spec])
  await eventually('it is let go', () => {
    keptMib()
    return asked.length === 1 && asked[0]!.deref() === undefined
  })
  assert.equal(relay.relay.facts.links, 1)
  assert.ok(agent.link)
})
