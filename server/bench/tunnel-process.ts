// One process of the chains that tunnel.bench.ts measures. What it has to know comes as JSON in the environment variable `PART`; it
// prints its ports as JSON.
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { startAgent, startRelay, TestControl } from '#relays/fixture.ts'
import { listener } from '#kernel/http/listener.ts'

export type Part =
  | { role: 'service' }
  | { role: 'relay'; cert: string; key: string; servicePort: number }
  | { role: 'agent'; url: string; ticket: string; ca: string; servicePort: number }
  | { role: 'proxy'; servicePort: number }
  | { role: 'near pipe'; to: number; ca: string }
  | { role: 'far pipe'; cert: string; key: string; servicePort: number }
  | { role: 'plane'; relayUrl: string; ticket: string; servicePort: number }
  | { role: 'delay'; to: number; ms: number }

const BIG = 100 * 1024 * 1024
const CHUNK = Buffer.alloc(64 * 1024, 'x')
const SMALL = Buffer.alloc(128, 'x')

const part = JSON.parse(process.env.PART!) as Part
console.log(JSON.stringify(await open(part)))

async function open(part: Part): Promise<object> {
  if (part.role === 'service') return { port: await listen(createServer(answer)) }
  if (part.role === 'proxy') return { port: await listen(createServer(pass(part.servicePort))) }
  if (part.role === 'delay') return { port: await listen(createTcpServer(slowly(part))) }
  if (part.role === 'near pipe') return { port: await listen(createTcpServer(pipeTo(part))) }
  if (part.role === 'far pipe') return { port: await listen(farPipe(part)) }
  if (part.role === 'relay') return openRelay(part)
  if (part.role === 'plane') return { port: await listen(createServer(invite(part))) }
  const { url, ticket, ca, servicePort } = part
  const control = new TestControl()
  await startAgent({ control, url }, [control.add('shop', [servicePort])], { ticket, ca })
  return {}
}

async function openRelay({ cert, key, servicePort }: Part & { role: 'relay' }): Promise<object> {
  const control = new TestControl()
  // Every limit is on, and far away.
  const { id } = control.add('shop', [servicePort], {
    config: { bandwidthBytesPerSecond: 10_000_000_000, queueSeconds: 5 },
  })
  const tls = { cert: Buffer.from(cert), key: Buffer.from(key) }
  const { relay, port } = await startRelay(control, { tls })
  const plain = listener(
    { hosts: relay.front, trustedProxies: [] },
    (_: unknown, to: ServerResponse) => to.writeHead(404).end(),
  )
  return { port: await listen(plain), linkPort: port, ticket: control.hold([id]) }
}

async function listen(server: ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return (server.address() as AddressInfo).port
}

function answer(asked: IncomingMessage, response: ServerResponse): void {
  if (asked.method === 'PUT') {
    asked.resume()
    asked.once('end', () => response.end())
  } else if (asked.url === '/big') {
    response.writeHead(200, { 'content-length': BIG })
    send(response, BIG)
  } else {
    response.end(SMALL)
  }
}

function send(response: ServerResponse, left: number): void {
  while (left > 0) {
    left -= CHUNK.length
    if (!response.write(CHUNK) && left > 0) {
      response.once('drain', () => send(response, left))
      return
    }
  }
  response.end()
}

/** The least of the API that `gantry tunnel` needs. */
function invite({ relayUrl, ticket, servicePort }: Part & { role: 'plane' }) {
  const endpoints = [{ id: 'tep_shop_0', url: `http://127.0.0.1:${servicePort}`, agent: 'default' }]
  const tunnel = {
    ...{ id: 'tun_shop', name: 'shop', kind: 'http', url: 'http://shop.localhost' },
    ...{ status: 'created', started: true, links: 0, endpoints },
  }
  const relays = [{ id: 'rel_test', url: relayUrl }]
  const joined = { runId: 'tar_test', ticket, relays, tunnels: [tunnel], refused: [] }
  return (asked: IncomingMessage, response: ServerResponse) => {
    const isJoin = asked.url!.endsWith('/tunnel-agents')
    asked.resume()
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(isJoin ? joined : { items: [tunnel], nextCursor: null }))
  }
}

/** The least that a reverse proxy of Node can be. */
function pass(to: number) {
  const agent = new Agent({ keepAlive: true })
  return (asked: IncomingMessage, response: ServerResponse) => {
    const { method, url, headers } = asked
    const through = request(
      { port: to, agent, method: method!, path: url!, headers },
      (answered) => {
        response.writeHead(answered.statusCode!, answered.headers)
        answered.pipe(response)
      },
    )
    through.on('error', () => response.destroy())
    asked.pipe(through)
  }
}

/** Bytes by TLS, to a far pipe. */
function pipeTo({ to, ca }: Part & { role: 'near pipe' }) {
  return (visitor: Socket) => join(visitor, connectTls({ port: to, host: '127.0.0.1', ca }))
}

function farPipe({ cert, key, servicePort }: Part & { role: 'far pipe' }) {
  return createTlsServer({ cert, key, noDelay: true }, (near) =>
    join(near, connect(servicePort, '127.0.0.1')),
  )
}

function join(one: Socket, other: Socket): void {
  for (const socket of [one, other]) {
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.once('close', () => {
      one.destroy()
      other.destroy()
    })
  }
  one.pipe(other)
  other.pipe(one)
}

/** Each way takes so long, whatever the rate. */
function slowly({ to, ms }: { to: number; ms: number }) {
  return (near: Socket) => {
    const far = connect(to, '127.0.0.1')
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      from.setNoDelay(true)
      from.on('data', (chunk: Buffer) => setTimeout(() => into.write(chunk), ms))
      from.on('error', () => into.destroy())
      from.once('close', () => into.destroy())
    }
  }
}
