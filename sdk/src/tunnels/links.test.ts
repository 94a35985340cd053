import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { eventually, freePort, Script } from '@gantry/server/kernel/test-support.ts'
import { Cable } from '@gantry/server/test/cable.ts'
import { makeCertificate } from '@gantry/server/test/certificate.ts'
import { Backoff } from './backoff.ts'
import { Heartbeat } from './heartbeat.ts'
import type { TunnelAgent } from './index.ts'
import { proxyFor } from './proxy.ts'
import { type LocalService, serveHttp, startAgent } from './test-agent.ts'
import { TestPlane } from './test-plane.ts'
import { TestRelay, visit } from './test-relay.ts'
import { TIMING } from './timing.ts'
import { windowFor } from './windows.ts'

const hello = () => serveHttp((_request, response) => response.end('hello'))
const shop = ({ port }: LocalService) => [{ kind: 'http' as const, target: port, name: 'shop' }]
const isOpen = (agent: TunnelAgent, relayId: string) =>
  agent.links.some((link) => link.relayId === relayId && link.status === 'open')

/** A relay in a process of its own. */
function relayProcess(id: string, port: number): Script {
  const file = new URL('test-relay.ts', import.meta.url).href
  return new Script({ TestRelay: file }, `await TestRelay.start({ id: '${id}', port: ${port} })`)
}

test('a relay that is killed is missed at once: the other serves on, and the first is linked again when it is back', async () => {
  await using service = await hello()
  await using relay = await TestRelay.start({ id: 'rel_1' })
  const port = await freePort()
  const mortal = { id: 'rel_2', url: `http://127.0.0.1:${port}` }
  await using plane = await TestPlane.start([mortal, relay])
  await using agent = startAgent(plane, { tunnels: shop(service) })
  {
    using process = relayProcess(mortal.id, port)
    const [tunnel] = await agent.open()
    await eventually('both links stand', () => agent.links.length === 2)
    process.child.kill('SIGKILL')
    await eventually('the link is gone', () => !isOpen(agent, mortal.id))
    assert.equal((await visit(relay.links[0]!, tunnel!)).status, 200)
  }
  using _again = relayProcess(mortal.id, port)
  await eventually('it is linked again', () => isOpen(agent, mortal.id))
  assert.equal(relay.links.length, 1, 'the other link was left alone')
})

test('F7: a link through which no packet passes any more is given up, and another one opened', async () => {
  await using service = await hello()
  await using relay = await TestRelay.start()
  await using cable = await Cable.to(() => relay.port)
  const through = { id: relay.id, url: `http://127.0.0.1:${cable.port}` }
  await using plane = await TestPlane.start([through])
  await using agent = startAgent(plane, { tunnels: shop(service) }, { pongMs: 200 })
  await agent.open()
  const closed = once(agent, 'link')
  cable.swallow('there', 'back')
  const [change] = (await closed) as [{ status: string; why?: string }]
  assert.deepEqual([change.status, change.why], ['closed', 'the relay has gone silent'])
  cable.swallow()
  await eventually('it has another link', () => isOpen(agent, relay.id))
})

test('a relay that is only busy is not given up: bytes that come are an answer', async () => {
  const socket = { bytesRead: 0, setKeepAlive() {} }
  let pings = 0
  const session = { ping: () => ++pings }
  const dead = Promise.withResolvers<Error>()
  const timing = { ...TIMING, pingEveryMs: 1, pongMs: 5 }
  const heartbeat = new Heartbeat(session as never, socket as never, timing, {
    onRoundTrip: () => {},
    onDead: dead.resolve,
  })
  const talking = setInterval(() => socket.bytesRead++, 0)
  const first = await Promise.race([
    dead.promise.then(() => 'given up'),
    eventually('it was asked often', () => pings > 20 && 'still there'),
  ])
  assert.equal(first, 'still there')
  clearInterval(talking)
  await dead.promise
  heartbeat.stop()
})

test('after a sleep the agent asks at once whether its links stand, and waits no more to dial', async () => {
  await using service = await hello()
  await using relay = await TestRelay.start()
  await using cable = await Cable.to(() => relay.port)
  await using plane = await TestPlane.start([
    { id: relay.id, url: `http://127.0.0.1:${cable.port}` },
  ])
  let sleptMs = 0
  const never = { pingEveryMs: 3_600_000, pongMs: 3_600_000 }
  const timing = { ...never, now: () => Date.now() + sleptMs }
  await using agent = startAgent(plane, { tunnels: shop(service) }, timing)
  await agent.open()
  cable.swallow('there', 'back')
  const woken = once(agent, 'wake')
  sleptMs = 60_000
  assert.deepEqual(await woken, [{ what: 'slept' }])
  await eventually('the dead link is given up', () => agent.links.length === 0)
  cable.swallow()
  await eventually('it is linked again', () => isOpen(agent, relay.id))
})

test('each step of opening a link has a deadline, and a refusal tells why', async () => {
  await using service = await hello()
  await using plane = await TestPlane.start()
  await using silent = await TestRelay.start({ id: 'rel_silent', silent: true })
  await using mute = await serveHttp(() => {})
  const body = JSON.stringify({ code: 'tunnel.too_many_links', status: 503, detail: 'full' })
  await using full = await TestRelay.start({ id: 'rel_full', refuse: { status: 503, body } })
  await using web = await serveHttp((_request, response) => response.writeHead(404).end('no'))
  const cases = [
    [`http://127.0.0.1:${web.port}`, /the relay refused: .*404/],
    [silent.url, /the relay said nothing in 100 ms/, 100],
    [`https://127.0.0.1:${mute.port}`, /EPROTO|wrong version|packet length/],
    [full.url, /tunnel.too_many_links: full/],
    [`http://127.0.0.1:${await freePort()}`, /ECONNREFUSED/],
  ] as const
  for (const [url, message, stepMs = TIMING.stepMs] of cases) {
    plane.relays = [{ id: 'rel_1', url }]
    await using agent = startAgent(plane, { tunnels: shop(service) }, { stepMs })
    const reasons: string[] = []
    agent.on('retry', ({ message }: { message: string }) => void reasons.push(message))
    agent.open().catch(() => {})
    // A busy machine may be late at an earlier step.
    await eventually(`${message}`, () => reasons.some((reason) => message.test(reason)))
  }
})

interface Proxy extends AsyncDisposable {
  url: string
  asked: { path: string; authorization: string | undefined }[]
}

async function startProxy(password?: string): Promise<Proxy> {
  const asked: Proxy['asked'] = []
  const server = createServer()
  const wanted = password && `Basic ${Buffer.from(`ann:${password}`).toString('base64')}`
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const authorization = request.headers['proxy-authorization']
    asked.push({ path: request.url!, authorization })
    if (wanted && authorization !== wanted) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      return
    }
    const far = connect(Number(request.url!.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      far.write(head)
      socket.pipe(far).pipe(socket)
    })
    far.on('error', () => socket.destroy())
    socket.on('error', () => far.destroy())
    socket.once('close', () => far.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    ...{ url: `http://ann:${password}@127.0.0.1:${(server.address() as AddressInfo).port}`, asked },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

test('links pass the proxy of the environment, with its credentials, in TLS of their own', async () => {
  const certificate = await makeCertificate(['relay.test'])
  await using service = await hello()
  await using relay = await TestRelay.start({ tls: certificate })
  const url = `https://relay.test:${relay.port}`
  await using plane = await TestPlane.start([{ id: relay.id, url }])
  await using proxy = await startProxy('secret')
  const open = (env: Record<string, string>, ca?: string) =>
    startAgent(plane, { tunnels: shop(service), env, ...(ca && { ca }) })
  await using agent = open({ HTTPS_PROXY: proxy.url }, certificate.cert)
  const [tunnel] = await agent.open()
  assert.equal((await visit(relay.links[0]!, tunnel!)).status, 200)
  assert.equal(proxy.asked[0]!.path, `relay.test:${relay.port}`)

  await using untrusting = open({ https_proxy: proxy.url })
  const refused = once(untrusting, 'retry')
  untrusting.open().catch(() => {})
  assert.match(((await refused) as [{ message: string }])[0].message, /self-signed|certificate/)

  await using wrong = open({ HTTPS_PROXY: proxy.url.replace('secret', 'wrong') }, certificate.cert)
  const denied = once(wrong, 'retry')
  wrong.open().catch(() => {})
  assert.match(((await denied) as [{ message: string }])[0].message, /the proxy .* answered 407/)
})

test('NO_PROXY names hosts, domains, ports and ranges; this machine is never reached by a proxy', () => {
  const by = (url: string, noProxy: string) =>
    proxyFor(new URL(url), {
      HTTPS_PROXY: 'proxy:3128',
      http_proxy: 'http://p:1',
      NO_PROXY: noProxy,
    })?.host
  assert.equal(by('https://relay.example.com', ''), 'proxy:3128')
  assert.equal(by('http://relay.example.com', ''), 'p:1')
  for (const list of [
    '*',
    'example.com',
    '.example.com',
    '*.example.com',
    'a, relay.example.com:443',
  ]) {
    assert.equal(by('https://relay.example.com', list), undefined, list)
  }
  for (const list of ['ample.com', 'relay.example.com:8443', 'relay.example.co']) {
    assert.equal(by('https://relay.example.com', list), 'proxy:3128', list)
  }
  assert.equal(by('https://10.1.2.3', '10.0.0.0/8'), undefined)
  assert.equal(by('https://11.1.2.3', '10.0.0.0/8'), 'proxy:3128')
  assert.equal(by('https://[2001:db8::1]', '2001:db8::/32'), undefined)
  for (const own of ['127.0.0.1', 'localhost', '[::1]', 'shop.localhost']) {
    assert.equal(by(`https://${own}:8700`, ''), undefined, own)
  }
  assert.throws(() => proxyFor(new URL('https://x.y'), { HTTPS_PROXY: 'socks5://p:1' }), TypeError)
})

test('waits grow with full jitter up to 30 s, for ever', () => {
  const backoff = new Backoff()
  const longest = Array.from({ length: 200 }, () => backoff.nextMs(1))
  assert.deepEqual(longest.slice(0, 4), [500, 1_000, 2_000, 4_000])
  assert.equal(Math.max(...longest), 30_000)
  assert.equal(backoff.nextMs(0), 0)
  backoff.reset()
  assert.equal(backoff.nextMs(0.5), 250)
})

test('windows grow with the way and shrink with the streams, so that all together stay small', () => {
  const MIB = 1024 * 1024
  assert.equal(windowFor(1, 0.2), MIB)
  assert.equal(windowFor(1, 50), 8 * MIB)
  assert.equal(windowFor(64, 0.2), MIB / 2)
  assert.equal(windowFor(400, 50), MIB / 16)
  for (let streams = 1; streams <= 512; streams++) {
    assert.ok(windowFor(streams, 50) * streams <= 32 * MIB, String(streams))
  }
})
