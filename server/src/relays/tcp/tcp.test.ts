import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as requestHttp, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { eventually, freePort } from '#kernel/test-support.ts'
import { serveHttp, serveTcp, startAgent, startRelay, type TunnelChange } from '../fixture.ts'
import { NoLink, type PeerVisit } from '../peers/visit.ts'

const MIB = 1024 * 1024
const VISITOR = { ip: '127.0.0.1', secure: false, trusted: false }
const relay = await startRelay()
after(() => relay[Symbol.asyncDispose]())

async function open(name: string, change: TunnelChange = {}) {
  const service = await serveTcp((socket) => {
    socket.on('data', (chunk) => socket.write(String(chunk).toUpperCase()))
    socket.on('end', () => socket.end('bye'))
  })
  const port = await freePort()
  const spec = relay.control.add(name, [service.port], {
    ...{ kind: 'tcp', hostnames: [], port },
    ...change,
  })
  const agent = await startAgent(relay, [spec])
  return {
    ...{ service, port, spec, agent },
    visit: async () => {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      return socket
    },
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]()
      await service[Symbol.asyncDispose]()
    },
  }
}

const listens = (port: number) =>
  eventually('the port is open', () => {
    return new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(socket.destroy() !== undefined))
      socket.once('error', () => resolve(false))
    })
  })

test('bytes pass both ways over the port of a tunnel, and each side may end its half alone', async () => {
  await using tunnel = await open('shouting')
  await listens(tunnel.port)
  const socket = connect({ port: tunnel.port, host: '127.0.0.1', allowHalfOpen: true })
  socket.end('hello')
  assert.equal(await text(socket), 'HELLObye')
  await eventually('it is counted', () => relay.control.counted(tunnel.spec.id, 'connections') > 0)
})

test('the port is closed when the tunnel goes, and what stands open is cut', async () => {
  await using tunnel = await open('closing')
  await listens(tunnel.port)
  const socket = await tunnel.visit()
  socket.write('a')
  assert.equal(String((await once(socket, 'data'))[0]), 'A')
  const cut = once(socket, 'close')
  socket.on('error', () => {})
  relay.control.remove(tunnel.spec.id)
  await cut
  await eventually('the port is closed', () => {
    return new Promise<boolean>((resolve) => {
      const again = connect(tunnel.port, '127.0.0.1')
      again.once('error', () => resolve(true))
      again.once('connect', () => resolve(again.destroy() === undefined))
    })
  })
})

test('a service that takes no connection holds no link up: a relay that drains lets it go', async () => {
  await using going = await startRelay()
  const [port, dead] = [await freePort(), await freePort()]
  const spec = going.control.add('refused', [dead], { kind: 'tcp', hostnames: [], port })
  await using _agent = await startAgent(going, [spec])
  await listens(port)
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'close')
  assert.equal(going.relay.facts.links, 1)
  await going.relay.drain(AbortSignal.timeout(30_000))
  assert.equal(going.relay.facts.links, 0)
})

test('of a TCP tunnel, addresses are let in or not; other policies let nobody in', async () => {
  for (const [access, lets] of [
    [{ policy: 'addresses', addresses: ['127.0.0.0/8'] }, true],
    [{ policy: 'addresses', addresses: ['203.0.113.0/24'] }, false],
    [{ policy: 'token' }, false],
  ] as const) {
    await using tunnel = await open(`policy-${lets}-${access.policy}`, { access })
    await listens(tunnel.port)
    const socket = await tunnel.visit()
    socket.on('error', () => {})
    socket.write('a')
    const heard = await Promise.race([
      once(socket, 'data').then(([chunk]) => String(chunk)),
      once(socket, 'close').then(() => ''),
    ])
    assert.equal(heard, lets ? 'A' : '')
    socket.destroy()
  }
})

test('a browser session reaches a tunnel that no visitor may, over a connection of its own', async () => {
  await using service = await serveHttp((asked, answer) => answer.end(`for ${asked.headers.host}`))
  const spec = relay.control.add('private', [service.port], { access: { policy: 'token' } })
  const visit = { kind: 'session', tunnelId: spec.id, sessionId: 'ses_1' } as const
  assert.throws(() => relay.relay.side.connect(visit), NoLink)

  await using agent = await startAgent(relay, [spec])
  void agent
  const connection = relay.relay.side.connect(visit)
  const asked = requestHttp({
    headers: { host: 'private.tunnel' },
    createConnection: () => connection,
  }).end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  assert.equal(await text(answer), 'for private.tunnel')
  connection.destroy()

  await using tunnel = await open('private-tcp', { access: { policy: 'token' } })
  const bytes = relay.relay.side.connect({ ...visit, tunnelId: tunnel.spec.id })
  bytes.end('hello')
  assert.equal(await text(bytes), 'HELLObye')
})

test('a port that another program has is told with what to do, and is opened once it is free', async () => {
  await using blocker = await serveTcp(() => {})
  await using service = await serveTcp((socket) => socket.end('at last'))
  const { port } = blocker
  const spec = relay.control.add('late', [service.port], { kind: 'tcp', hostnames: [], port })
  await using agent = await startAgent(relay, [spec])
  void agent
  const { ports } = relay.control
  const told = await eventually('it is told', () => ports.get(spec.id))
  assert.match(told, new RegExp(`Port ${port} .* another program has it.*delete the tunnel`))
  assert.ok(!relay.relay.tcpPorts.includes(port))

  relay.control.broken = new Error('away')
  await blocker[Symbol.asyncDispose]()
  await eventually('it is open', () => relay.relay.tcpPorts.includes(port))
  relay.control.broken = undefined
  await eventually('it is told', () => ports.has(spec.id) && ports.get(spec.id) === undefined)
  assert.equal(await text(connect(port, '127.0.0.1')), 'at last')
})

test('of what a service does not read no more is taken than fits, also under a bandwidth cap', async () => {
  const arrived = Promise.withResolvers<void>()
  let connections = 0
  await using service = await serveTcp((socket) => {
    arrived.resolve()
    if (++connections === 1) socket.pause()
    else socket.resume().on('end', () => socket.end('read'))
  })
  const port = await freePort()
  const spec = relay.control.add('unread', [service.port], {
    ...{ kind: 'tcp', hostnames: [], port, config: { bandwidthBytesPerSecond: 3_000_000 } },
  })
  await using agent = await startAgent(relay, [spec])
  void agent
  await eventually('the port is open', () => relay.relay.tcpPorts.includes(port))
  let others = relay.relay.facts.bytesIn
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(Buffer.alloc(24 * MIB))
  await arrived.promise
  const taken = () => relay.relay.facts.bytesIn - others
  await eventually(
    'nothing is taken while a neighbour passes as much as the cap allows',
    async () => {
      const before = taken()
      const neighbour = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      neighbour.end(Buffer.alloc(MIB))
      assert.equal(await text(neighbour), 'read')
      others += MIB
      return before > 0 && taken() === before
    },
  )
  assert.ok(taken() < 20 * MIB, `${taken()} bytes were taken`)
  socket.destroy()
})

test('relays of one machine share a port, also those without a link; each connection has one answer', async () => {
  await using first = await open('anywhere')
  await listens(first.port)
  let forwarded = 0
  const forward = {
    request: async () => false,
    upgrade: async () => false,
    connection: async (socket: Duplex, { tunnelId }: PeerVisit) => {
      forwarded++
      await relay.relay.side.connection(socket, { ...{ kind: 'peer', tunnelId }, ...VISITOR })
      return true
    },
  }
  await using second = await startRelay(relay.control, { id: 'rel_other', forward })
  void second
  await eventually('the relay without a link has taken a connection', async () => {
    const socket = connect({ port: first.port, host: '127.0.0.1', allowHalfOpen: true })
    socket.end('hello')
    assert.equal(await text(socket), 'HELLObye')
    return forwarded > 0
  })
})

test('T48: of one address no more connections stand open at ports than may', async () => {
  await using small = await startRelay(undefined, { perAddress: { maxConnections: 3 } })
  const service = await serveTcp((socket) => void socket.write('here'))
  const port = await freePort()
  const spec = small.control.add('few', [service.port], { kind: 'tcp', hostnames: [], port })
  const agent = await startAgent(small, [spec])
  await listens(port)
  const sockets = Array.from({ length: 5 }, () => connect(port, '127.0.0.1').on('error', () => {}))
  await Promise.race(sockets.map((socket) => once(socket, 'close')))
  for (const socket of sockets) socket.destroy()
  await agent[Symbol.asyncDispose]()
  await service[Symbol.asyncDispose]()
})
