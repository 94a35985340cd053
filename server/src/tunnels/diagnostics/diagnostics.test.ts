import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { type Person, startApp } from '#test/app.ts'
import type { TunnelParts } from '../parts.ts'
import { specsOf } from '../specs.ts'
import { addRelay, addTunnel, link, runAgent } from '../test-support.ts'
import { takeUsage } from '../usage/take.ts'
import { seenRequest, TestRelays } from '../usage/test-relays.ts'
import { entry } from '../usage/test-support.ts'
import type { Facts } from './facts.ts'
import { checkReach } from './reach-checks.ts'
import type { TunnelCheck } from './schema.ts'

const world: { addresses: Record<string, string[]>; fault: string | undefined } = {
  ...{ addresses: {}, fault: undefined },
}
const outside: TunnelParts['outside'] = {
  resolve: async (hostname) => world.addresses[hostname] ?? Promise.reject(new Error('ENOTFOUND')),
  certificateFault: async () => world.fault,
}
const app = await startApp({
  env: { TUNNEL_DOMAIN: 'tunnels.example.test', RELAY_URL: 'https://relay.example.test' },
})
after(() => app[Symbol.asyncDispose]())
const relays = new TestRelays(app, outside)
const ENDPOINT = { url: 'http://127.0.0.1:3000', agent: 'laptop' }

/** A tunnel with which nothing is wrong. */
async function healthy(person: Person) {
  const tunnel = await addTunnel(person, { name: app.unique('shop'), endpoints: [ENDPOINT] })
  const { body: run } = await runAgent(person, [tunnel.id])
  const relayId = await addRelay(app)
  await link(app, run.runId, relayId)
  relays.clear()
  relays.add(relayId, {}, { name: 'first', url: 'https://relay.example.test' })
  world.addresses = {
    'relay.example.test': ['203.0.113.1'],
    [`${tunnel.name}.tunnels.example.test`]: ['203.0.113.1'],
  }
  world.fault = undefined
  return { ...tunnel, relayId }
}

async function diagnose(person: Person, id: string) {
  const { status, body } = await person.get(`/v1/tunnels/${id}/diagnostics`)
  assert.equal(status, 200)
  const byName = Object.fromEntries(body.checks.map((check: TunnelCheck) => [check.name, check]))
  return { ...body, byName: byName as Record<TunnelCheck['name'], TunnelCheck> }
}

test('nothing is wrong with a tunnel of which every hop is well', async () => {
  const ann = await app.person('ann')
  const { id } = await healthy(ann)
  const { status, checks } = await diagnose(ann, id)
  const notWell = checks.filter(
    ({ status }: TunnelCheck) => status !== 'ok' && status !== 'skipped',
  )
  assert.deepEqual([status, notWell], ['ok', []])
})

test('a tunnel without an agent says so, with the command that helps', async () => {
  const ann = await app.person('ann')
  const { id, name } = await addTunnel(ann, { name: app.unique('shop'), endpoints: [ENDPOINT] })
  const { status, summary, byName } = await diagnose(ann, id)
  assert.deepEqual([status, summary], ['failed', 'No agent has ever come.'])
  assert.equal(
    byName.agent.fix,
    `Run \`gantry tunnel http 3000 --name ${name}\` where the service is.`,
  )
  assert.equal(byName.links.status, 'failed')
})

test('a name that leads elsewhere, and a certificate that does not cover it, are told apart', async () => {
  const ann = await app.person('ann')
  const { id, name } = await healthy(ann)
  world.fault = 'it is for other.example.test'
  assert.equal((await diagnose(ann, id)).byName.certificate.status, 'failed')
  world.addresses[`${name}.tunnels.example.test`] = ['198.51.100.9']
  const { byName } = await diagnose(ann, id)
  assert.deepEqual([byName.hostname.status, byName.certificate.status], ['warning', 'skipped'])
  assert.match(byName.hostname.fix ?? '', /203\.0\.113\.1/)
  delete world.addresses[`${name}.tunnels.example.test`]
  assert.equal((await diagnose(ann, id)).byName.hostname.status, 'failed')
})

test('a name of this machine that only browsers know is nothing to warn of', async () => {
  const hostnames = ['shop.localhost']
  const facts = { hostnames, relays: [], url: 'http://shop.localhost:8700' } as unknown as Facts
  const [name] = await checkReach(app.app.systemContext(), { outside }, facts)
  assert.equal(name!.status, 'skipped')
  assert.match(name!.fix ?? '', /Host header/)
})

test('the address of a TCP tunnel on a laptop is one that every program finds', async () => {
  const facts = { hostnames: ['localhost'], relays: [], url: 'tcp://localhost:20000' }
  const [name] = await checkReach(app.app.systemContext(), { outside }, facts as unknown as Facts)
  assert.equal(name!.status, 'ok')
})

test('endpoints that nobody checks are not told to be sick', async () => {
  const ann = await app.person('ann')
  const { id } = await healthy(ann)
  const { endpoints } = (await diagnose(ann, id)).byName
  assert.deepEqual(
    [endpoints.status, endpoints.detail],
    ['ok', 'One endpoint, without a health check.'],
  )
})

test('a sick endpoint is named with what its agent says of it', async () => {
  const ann = await app.person('ann')
  const { id } = await healthy(ann)
  await app.app
    .systemContext()
    .db.updateTable('tunnelEndpoints')
    .set({ healthStatus: 'unhealthy', healthMessage: 'connection refused' })
    .where('tunnelId', '=', id)
    .execute()
  const { status, byName } = await diagnose(ann, id)
  assert.deepEqual([status, byName.endpoints.status], ['failed', 'failed'])
  assert.match(byName.endpoints.detail, /connection refused/)
})

test('limits that were met and requests that failed lately are counted', async () => {
  const ann = await app.person('ann')
  const { id, relayId } = await healthy(ann)
  const now = Date.now()
  const requests = [
    seenRequest({ id: 'req_1', endedAtMs: now - 1_000 }),
    seenRequest({ id: 'req_2', endedAtMs: now, status: 502 }),
    seenRequest({
      ...{ id: 'req_3', endedAtMs: now, status: 503, outcome: 'tunnel.too_many_connections' },
      limit: 'maxConnections',
    }),
  ]
  relays.add(relayId, { requests: async () => ({ requests }) })
  const { byName } = await diagnose(ann, id)
  assert.match(byName.limits.detail, /1 requests met a limit \(maxConnections\), and 1 of them/)
  assert.match(
    byName.requests.detail,
    /502: 1, tunnel\.too_many_connections: 1|tunnel\.too_many_connections: 1, 502: 1/,
  )
  assert.equal(byName.requests.status, 'failed')
})

test('a relay that is not well, and one that is silent, are warned of', async () => {
  const ann = await app.person('ann')
  const { id, relayId } = await healthy(ann)
  relays.add('rly_other', { requests: async () => Promise.reject(new Error('hung up')) })
  const { byName } = await diagnose(ann, id)
  assert.deepEqual(
    [byName.relays.status, byName.relays.detail],
    ['warning', 'No answer from rly_other.'],
  )
  assert.equal(byName.links.status, 'warning')
  relays.add(
    relayId,
    {},
    { name: 'first', healthy: false, status: 'error', message: 'it was silent' },
  )
  assert.match((await diagnose(ann, id)).byName.relays.detail, /first is not well: it was silent/)
})

test('a stopped tunnel fails at the first hop', async () => {
  const ann = await app.person('ann')
  const { id } = await healthy(ann)
  const { db } = app.app.systemContext()
  await db.updateTable('tunnels').set({ started: false }).where('id', '=', id).execute()
  assert.equal((await diagnose(ann, id)).summary, 'The tunnel is stopped: it serves nobody.')
})

test('a used-up month is told, with when it is over; relays are told too, in the spec', async () => {
  const ann = await app.person('ann')
  const { id, relayId } = await healthy(ann)
  const ctx = app.app.systemContext()
  const spec = async () => (await specsOf(ctx, app.app.tunnelParts, [id]))[0]!
  const before = await spec()
  const minute = ctx.clock.now().toISOString()
  await takeUsage(ctx, relayId, 'one', [
    entry({ sequence: 1, tunnelId: id, minute, bytesOut: 200 * 2 ** 30 }),
  ])
  const { byName } = await diagnose(ann, id)
  assert.equal(byName.quota.status, 'failed')
  assert.match(byName.quota.fix ?? '', /T00:00:00\.000Z/)
  const { untilMs, code } = (await spec()).blocked!
  assert.equal(code, 'tunnel.quota_exceeded')
  assert.ok(byName.quota.fix!.includes(new Date(untilMs).toISOString()))
  await eventually('relays to have to read it anew', async () => {
    return (await spec()).revision > before.revision
  })
})
