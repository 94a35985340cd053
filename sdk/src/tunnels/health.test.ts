import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '@gantry/server/kernel/test-support.ts'
import { HealthChecks } from './health.ts'
import { ask, type EndpointHealth, type HealthCheck, readHealthCheck } from './health-check.ts'
import { serveHttp, serveTcp, startAgent } from './test-agent.ts'
import { TestPlane } from './test-plane.ts'
import { TestRelay } from './test-relay.ts'

const CHECK: HealthCheck = {
  ...{ kind: 'http', intervalSeconds: 0.02, timeoutSeconds: 0.2, failures: 3, successes: 2 },
}
const at = (port: number) => ({ host: 'localhost', port, secure: false, insecure: false })
const never = new AbortController().signal

test('a service is well below 500, or with the very status that is wanted; silence and refusal are told', async () => {
  let status = 200
  await using service = await serveHttp((request, response) => {
    if (request.url !== '/silent') response.writeHead(status).end('x'.repeat(100_000))
  })
  const { port } = service
  assert.equal(await ask(at(port), CHECK, never), undefined)
  status = 404
  assert.equal(await ask(at(port), CHECK, never), undefined)
  assert.equal(await ask(at(port), { ...CHECK, status: 200 }, never), 'it answered 404')
  status = 503
  assert.equal(await ask(at(port), CHECK, never), 'it answered 503')
  assert.equal(await ask(at(port), { ...CHECK, status: 503 }, never), undefined)
  const silent = { ...CHECK, path: '/silent' }
  assert.equal(await ask(at(port), silent, never), 'nothing answered in 0.2 s')
  assert.equal(await ask(at(port), { ...CHECK, kind: 'tcp' }, never), undefined)
  await service[Symbol.asyncDispose]()
  for (const kind of ['http', 'tcp'] as const) {
    assert.match((await ask(at(port), { ...CHECK, kind }, never))!, /ECONNREFUSED/, kind)
  }
})

test('health is told when it changes, after as many answers in a row as were asked for', async () => {
  let failing = 0
  let asked = 0
  await using service = await serveHttp((_request, response) => {
    asked++
    response.writeHead(failing-- > 0 ? 500 : 200).end()
  })
  const told: EndpointHealth[] = []
  using checks = new HealthChecks((health) => told.push(health))
  checks.apply([{ id: 'tep_1', check: CHECK, service: at(service.port) }])
  await eventually('it is well', () => told.length === 1)
  failing = 2
  const before = asked
  await eventually('two have failed', () => asked > before + 4)
  assert.deepEqual(told, [{ endpointId: 'tep_1', status: 'healthy' }])
  failing = 3
  await eventually('it was ill and is well again', () => told.length === 3)
  assert.deepEqual(told[1], {
    endpointId: 'tep_1',
    status: 'unhealthy',
    message: 'it answered 500',
  })
  assert.deepEqual(checks.known(), [{ endpointId: 'tep_1', status: 'healthy' }])
  checks.apply([])
  assert.deepEqual(checks.known(), [])
})

test('every link is told the health of the endpoints, also one that comes later; no address beyond reach is asked', async () => {
  await using service = await serveHttp((_request, response) => response.end())
  await using secret = await serveTcp((socket) => socket.end())
  await using one = await TestRelay.start({ id: 'rel_1' })
  await using two = await TestRelay.start({ id: 'rel_2' })
  await using plane = await TestPlane.start([one])
  const healthCheck = { ...CHECK, kind: 'tcp', failures: 1 }
  await using agent = startAgent(plane, {
    tunnels: [{ kind: 'http', target: service.port, name: 'shop' }],
  })
  plane.healthCheck = healthCheck
  plane.extra = [
    { id: 'tep_far', url: `http://localhost:${secret.port}`, agent: 'default', healthCheck },
  ]
  const unserved: unknown[] = []
  agent.on('unserved', (endpoint) => unserved.push(endpoint))
  await agent.open()
  const healthOf = (relay: TestRelay) =>
    relay.links[0]?.messages
      .flatMap((message) =>
        message.type === 'health' ? `${message.endpointId} ${message.status}` : [],
      )
      .sort()
  const expected = ['tep_2 healthy', 'tep_far unhealthy']
  await eventually('the first is told', () => healthOf(one)?.length === 2)
  assert.deepEqual(healthOf(one), expected)
  plane.relays = [one, two].map(({ id, url }) => ({ id, url }))
  await eventually('the second is told', () => healthOf(two)?.length === 2)
  assert.deepEqual(healthOf(two), expected)
  assert.equal(secret.sockets.size, 0)
  assert.deepEqual(unserved, [{ tunnel: 'shop', address: `localhost:${secret.port}` }])
})

test('what is no health check is not taken for one', () => {
  for (const value of [
    undefined,
    null,
    3,
    {},
    { ...CHECK, kind: 'icmp' },
    { ...CHECK, failures: 0 },
  ]) {
    assert.equal(readHealthCheck(value), undefined)
  }
  assert.equal(readHealthCheck(CHECK), CHECK)
})
