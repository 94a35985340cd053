import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { eventually } from '@gantry/server/kernel/test-support.ts'
import { GantryError } from '../index.ts'
import {
  type AgentEvents,
  NoConnection,
  openTunnel,
  type TunnelAgent,
  TunnelLost,
} from './index.ts'
import { serveHttp, startAgent } from './test-agent.ts'
import { TestPlane } from './test-plane.ts'
import { TestRelay, visit } from './test-relay.ts'

const hello = () => serveHttp((request, response) => response.end(`at ${request.url}`))

async function failureOf(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => assert.fail('nothing failed'),
    (error: Error) => error,
  )
}

/** All that an agent tells of one kind, in order. */
function record<Kind extends keyof AgentEvents>(agent: TunnelAgent, kind: Kind) {
  const told: AgentEvents[Kind][0][] = []
  agent.on(kind, ((one: AgentEvents[Kind][0]) => told.push(one)) as never)
  return told
}

test('a service gets an address, and what visitors ask reaches it by a link to each of two relays', async () => {
  await using service = await hello()
  await using one = await TestRelay.start({ id: 'rel_1' })
  await using two = await TestRelay.start({ id: 'rel_2' })
  await using plane = await TestPlane.start([one, two])
  await using agent = startAgent(plane, {
    tunnels: [{ kind: 'http', target: service.port, name: 'shop' }],
    label: 'laptop',
  })
  const [tunnel] = await agent.open()
  assert.equal(tunnel!.url, 'http://shop.localhost:1')
  await eventually('both links stand', () => agent.links.length === 2)
  for (const relay of [one, two]) {
    const answer = await visit(relay.links[0]!, tunnel!, { path: `/of-${relay.id}` })
    assert.deepEqual([answer.status, String(answer.body)], [200, `at /of-${relay.id}`])
  }
  const [endpoint] = plane.named('shop').endpoints
  assert.deepEqual([endpoint!.agent, endpoint!.url], ['laptop', `http://localhost:${service.port}`])
  assert.equal(plane.joins.length, 1, 'both links are of one run and one call')
  assert.match(one.upgrades[0]!.headers['gantry-agent'] as string, /^\d+\.\d+\.\d+$/)
})

test('the agent ends with the block that uses it, and its links with it', async () => {
  await using service = await hello()
  await using relay = await TestRelay.start()
  await using plane = await TestPlane.start([relay])
  {
    await using tunnel = await openTunnel(plane.client, { kind: 'http', target: service.port })
    assert.equal(tunnel.url, 'http://made-up.localhost:1')
    await visit(relay.links[0]!, tunnel.tunnels[0]!)
  }
  assert.deepEqual(relay.links[0]!.messages, [{ type: 'leave' }])
  await relay.links[0]!.closed
})

test('a signal ends the agent in order', async () => {
  await using service = await hello()
  await using relay = await TestRelay.start()
  await using plane = await TestPlane.start([relay])
  const stop = new AbortController()
  const tunnels = [{ kind: 'http' as const, target: service.port }]
  const agent = startAgent(plane, { tunnels, signal: stop.signal })
  await agent.open()
  stop.abort()
  await agent.ended
  await relay.links[0]!.closed
})

test('what is under way when the agent leaves ends first; what takes too long is cut', async () => {
  const begun: ServerResponse[] = []
  await using service = await serveHttp((_request, response) => {
    response.writeHead(200).flushHeaders()
    begun.push(response)
  })
  await using relay = await TestRelay.start()
  await using plane = await TestPlane.start([relay])
  for (const isPatient of [true, false]) {
    const agent = startAgent(plane, { tunnels: [{ kind: 'http', target: service.port }] })
    const [tunnel] = await agent.open()
    const link = relay.links.at(-1)!
    const body = visit(link, tunnel!).then(
      (answer) => String(answer.body),
      () => 'cut',
    )
    const response = await eventually('it is under way', () => begun.pop())
    const left = agent.leave(isPatient ? 60_000 : 1)
    if (isPatient) {
      await eventually('the relay is told', () => link.messages.length > 0)
      response.end('late')
    }
    assert.equal(await body, isPatient ? 'late' : 'cut')
    await left
  }
})

test('a relay that drains keeps what is under way until the agent has another link', async () => {
  await using service = await hello()
  await using one = await TestRelay.start({ id: 'rel_1' })
  await using two = await TestRelay.start({ id: 'rel_2' })
  await using plane = await TestPlane.start([one])
  await using agent = startAgent(plane, {
    tunnels: [{ kind: 'http', target: service.port }],
    links: 1,
  })
  const [tunnel] = await agent.open()
  const changes = record(agent, 'link')
  plane.relays = [two, one].map(({ id, url }) => ({ id, url }))
  const [old] = one.links
  const under = old!.open(tunnel!.id, tunnel!.target)
  await once(under, 'response')
  old!.tell({ type: 'drain' })
  await eventually('another link stands', () => two.standing.length === 1)
  assert.equal(old!.session.destroyed, false)
  assert.deepEqual(agent.links.map(({ status }) => status).sort(), ['draining', 'open'])
  assert.equal((await visit(two.links[0]!, tunnel!)).status, 200)
  old!.finish()
  under.end()
  under.resume()
  await eventually('the old link has ended', () => agent.links.length === 1)
  const seen = changes.map(({ relayId, status }) => `${relayId} ${status}`)
  assert.deepEqual(seen, ['rel_1 draining', 'rel_2 open', 'rel_1 closed'])
})

test('an agent that lacks a link looks at once when its relay tells of others, and passes over what it does not know', async () => {
  await using service = await hello()
  await using one = await TestRelay.start({ id: 'rel_1' })
  await using two = await TestRelay.start({ id: 'rel_2' })
  await using plane = await TestPlane.start([one])
  const never = { lookFirstMs: 3_600_000, lookAgainMs: 3_600_000 }
  await using agent = startAgent(
    plane,
    { tunnels: [{ kind: 'http', target: service.port }] },
    never,
  )
  const [tunnel] = await agent.open()
  const [link] = one.links
  link!.tell({ type: 'weather', says: 'of a later version' } as never)
  plane.relays = [one, two].map(({ id, url }) => ({ id, url }))
  link!.tell({ type: 'relays' })
  await eventually('a second link stands', () => two.standing.length === 1)
  assert.equal(one.standing.length, 1)
  assert.equal((await visit(two.links[0]!, tunnel!)).status, 200)
})

test('F7: a newer agent takes the tunnel at once; the earlier one says so and ends', async () => {
  await using service = await hello()
  await using relay = await TestRelay.start()
  await using plane = await TestPlane.start([relay])
  const tunnels = [{ kind: 'http' as const, target: service.port, name: 'shop' }]
  const first = startAgent(plane, { tunnels, links: 1 })
  const [tunnel] = await first.open()
  const lost = record(first, 'lost')
  await using second = startAgent(plane, { tunnels })
  await second.open()
  relay.links[0]!.tell({
    type: 'lost',
    tunnelId: tunnel!.id,
    code: 'tunnel.taken_over',
    detail: 'newer',
  })
  const error = await failureOf(first.ended)
  assert.ok(error instanceof TunnelLost)
  assert.deepEqual([error.code, error.tunnel], ['tunnel.taken_over', 'shop'])
  assert.deepEqual(lost, [
    { tunnel: 'shop', code: 'tunnel.taken_over', detail: 'newer', waits: false },
  ])
  await relay.links[0]!.closed
  assert.equal((await visit(relay.links[1]!, tunnel!)).status, 200)
})

test('an agent that waits takes a lost tunnel back when nobody holds it, with a new run', async () => {
  await using service = await hello()
  await using relay = await TestRelay.start()
  await using plane = await TestPlane.start([relay])
  const tunnels = [{ kind: 'http' as const, target: service.port, name: 'shop' }]
  await using agent = startAgent(plane, { tunnels, whenLost: 'wait' })
  const [tunnel] = await agent.open()
  const known = plane.named('shop')
  Object.assign(known, { links: 1, status: 'connected' })
  const message = { tunnelId: tunnel!.id, code: 'tunnel.taken_over', detail: 'newer' }
  relay.links[0]!.tell({ type: 'lost', ...message })
  await once(agent, 'lost')
  const refused = relay.links[0]!.open(tunnel!.id, tunnel!.target)
  const [answer] = (await once(refused, 'response')) as [{ ':status': number }]
  assert.equal(answer[':status'], 403, 'what it lost, it does not serve')
  refused.close()
  relay.links[0]!.finish()
  Object.assign(known, { links: 0, status: 'disconnected' })
  await eventually('a second run has a link', () => relay.links.length === 2)
  const runs = new Set(relay.links.map(({ ticket }) => ticket.runId))
  assert.equal(runs.size, 2)
  assert.equal((await visit(relay.standing.at(-1)!, tunnel!)).status, 200)
})

test('a stopped tunnel is told as such at once, and one of several that is lost leaves the others open', async () => {
  await using service = await hello()
  await using relay = await TestRelay.start()
  await using plane = await TestPlane.start([relay])
  const shop = { kind: 'http' as const, target: service.port, name: 'shop' }
  const desk = { ...shop, name: 'desk' }
  await using both = startAgent(plane, { tunnels: [shop, desk] })
  await both.open()
  plane.named('shop').started = false
  const { error } = { error: await failureOf(startAgent(plane, { tunnels: [shop] }).open()) }
  assert.ok(error instanceof TunnelLost)
  assert.equal(error.code, 'tunnel.stopped')

  const tell = { type: 'lost' as const, tunnelId: plane.named('shop').id, detail: 'stopped' }
  relay.standing[0]!.tell({ ...tell, code: 'tunnel.stopped' })
  await once(both, 'lost')
  const { id } = plane.named('desk')
  assert.equal(
    (await visit(relay.standing[0]!, { id, target: `http://localhost:${service.port}` })).status,
    200,
  )
})

test('T62: a revoked key ends the agent with the code of the refusal, at the start and later', async () => {
  await using service = await hello()
  await using relay = await TestRelay.start()
  await using plane = await TestPlane.start([relay])
  const tunnels = [{ kind: 'http' as const, target: service.port }]
  await using agent = startAgent(plane, { tunnels })
  await agent.open()
  plane.refuse = { status: 401, code: 'auth.key_ended' }
  const early = await failureOf(startAgent(plane, { tunnels }).open())
  assert.ok(early instanceof GantryError)
  assert.deepEqual([early.status, early.code], [401, 'auth.key_ended'])
  relay.links[0]!.session.destroy()
  const late = await failureOf(agent.ended)
  assert.ok(late instanceof GantryError)
  assert.equal(late.code, 'auth.key_ended')
})

test('a name of another account is refused; what only passes is tried again for ever, unless that is not wanted', async () => {
  await using service = await hello()
  await using relay = await TestRelay.start()
  await using plane = await TestPlane.start([relay])
  const tunnels = [{ kind: 'http' as const, target: service.port, name: 'taken' }]
  const taken = await failureOf(startAgent(plane, { tunnels }).open())
  assert.equal((taken as GantryError).code, 'tunnel.name_taken')

  plane.refuse = { status: 503, code: 'server.unavailable' }
  const shop = [{ ...tunnels[0]!, name: 'shop' }]
  const given = await failureOf(startAgent(plane, { tunnels: shop, exitOnFailure: true }).open())
  assert.ok(given instanceof NoConnection)
  await using agent = startAgent(plane, { tunnels: shop })
  const retries = record(agent, 'retry')
  const opened = agent.open()
  await eventually('it has tried twice', () => retries.length >= 2)
  plane.refuse = undefined
  await opened
})

test('without a relay the agent waits, and says so', async () => {
  await using service = await hello()
  await using plane = await TestPlane.start()
  await using relay = await TestRelay.start()
  await using agent = startAgent(plane, { tunnels: [{ kind: 'http', target: service.port }] })
  const retries = record(agent, 'retry')
  const opened = agent.open()
  await eventually('it has tried', () => retries.length > 0)
  assert.match(retries[0]!.message, /no relay/)
  plane.relays = [{ id: relay.id, url: relay.url }]
  await opened
})

test('run again with another port, the endpoint of the label leads there; others stay as they are', async () => {
  await using service = await hello()
  await using other = await hello()
  await using relay = await TestRelay.start()
  await using plane = await TestPlane.start([relay])
  const name = 'shop'
  for (const target of [service.port, other.port, other.port]) {
    await using agent = startAgent(plane, { tunnels: [{ kind: 'http', target, name }] })
    const [tunnel] = await agent.open()
    assert.equal((await visit(relay.links.at(-1)!, tunnel!)).status, 200)
  }
  const hostHeader = 'rewrite'
  const basicAuth = { username: 'ann', password: 'long enough' }
  await using third = startAgent(plane, {
    tunnels: [{ kind: 'http', target: service.port, name, hostHeader, basicAuth }],
    label: 'third',
  })
  await third.open()
  const { endpoints, config } = plane.named(name)
  const led = endpoints.map(({ agent, url }) => `${agent} ${new URL(url).port}`)
  assert.deepEqual(led.sort(), [`default ${other.port}`, `third ${service.port}`].sort())
  assert.deepEqual(config, { hostHeader, basicAuth })
})

test('requests are told with the name of their tunnel', async () => {
  await using service = await hello()
  await using relay = await TestRelay.start()
  await using plane = await TestPlane.start([relay])
  const tunnels = [{ kind: 'http' as const, target: service.port, name: 'shop' }]
  await using agent = startAgent(plane, { tunnels })
  const [tunnel] = await agent.open()
  const told = once(agent, 'request')
  const line = {
    at: '2026-01-02T03:04:05Z',
    method: 'GET',
    path: '/',
    status: 200,
    durationMs: 3,
    bytes: 9,
  }
  relay.links[0]!.tell({ type: 'request', tunnelId: tunnel!.id, line, more: 4 })
  assert.deepEqual(await told, [{ ...line, tunnel: 'shop', more: 4 }])
})
