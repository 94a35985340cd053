import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startApp } from '#test/app.ts'
import { foldUsage } from './fold.ts'
import { LATENCY_COUNTS, percentile } from './latency.ts'
import { takeUsage } from './take.ts'
import { TestRelays } from './test-relays.ts'
import { addRelay, addTunnel, entry } from './test-support.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const system = app.app.systemContext()
const at = { db: system.db, ctx: system }
const relayId = await addRelay(at)
const relays = new TestRelays(app)
const MINUTE_MS = 60_000

/** Counts of minutes so long ago. */
async function report(tunnelId: string, minutesAgo: number[], more: object = {}): Promise<void> {
  const now = system.clock.now().getTime()
  const entries = minutesAgo.map((ago, at) =>
    entry({
      ...{ sequence: at + 1, tunnelId, minute: new Date(now - ago * MINUTE_MS).toISOString() },
      ...more,
    }),
  )
  await takeUsage(system, relayId, `j${++journals}`, entries)
}
let journals = 0

test('metrics are what was counted, in steps, by endpoint, with times from the histogram', async () => {
  const ann = await app.person('ann')
  const { id, endpointIds } = await addTunnel(at, { accountId: ann.accountId })
  await report(id, [3, 4, 130], { endpointId: endpointIds[0] })
  await report(id, [3])
  const { status, body } = await ann.get(`/v1/tunnels/${id}/metrics?step=3600`)
  assert.equal(status, 200)
  const { latencyMs, ...total } = body.total
  assert.deepEqual(total, {
    ...{
      requests: 40,
      failures: 4,
      successRate: 0.9,
      connections: 8,
      bytesIn: 400,
      bytesOut: 4_000,
    },
  })
  assert.deepEqual(latencyMs, { p50: 15, p95: 19.5, p99: 19.9 })
  assert.equal(body.stepSeconds, 3_600)
  const sum = body.points.reduce(
    (sum: number, point: { requests: number }) => sum + point.requests,
    0,
  )
  assert.equal(sum, 40)
  for (const { at } of body.points) assert.equal(Date.parse(at) % 3_600_000, 0)
  const byEndpoint = body.endpoints.map((one: { endpointId?: string; requests: number }) => [
    one.endpointId ?? null,
    one.requests,
  ])
  assert.deepEqual(
    byEndpoint.toSorted(),
    [
      [endpointIds[0], 30],
      [null, 10],
    ].toSorted(),
  )
})

test('figures that were folded into hours are still there, and steps are not finer than they are', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(at, { accountId: ann.accountId })
  await report(id, [5, 60 * 24 * 3, 60 * 24 * 3 + 1])
  await foldUsage(system)
  const from = new Date(system.clock.now().getTime() - 5 * 24 * 60 * MINUTE_MS).toISOString()
  const { body } = await ann.get(`/v1/tunnels/${id}/metrics?step=60&from=${from}`)
  assert.deepEqual([body.stepSeconds, body.total.requests], [3_600, 30])
  const spans = await system.db
    .selectFrom('tunnelUsage')
    .select(({ fn }) => ['span', fn.countAll<string>().as('rows')])
    .where('tunnelId', '=', id)
    .groupBy('span')
    .orderBy('span')
    .execute()
  assert.equal(spans.find(({ span }) => span === 'minute')?.rows, '1')
  assert.ok(spans.some(({ span }) => span === 'hour'))
})

test('metrics show what all relays have under way, and name those that are silent', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(at, { accountId: ann.accountId })
  const live = { links: 1, inUse: 2, waiting: 1, endpoints: [] }
  relays.add('rly_a', { live: async () => ({ [id]: live }) })
  relays.add('rly_b', { live: async () => ({ [id]: live }) })
  relays.add('rly_c', { live: async () => Promise.reject(new Error('it hangs up')) })
  const { body } = await ann.get(`/v1/tunnels/${id}/metrics`)
  relays.clear()
  assert.deepEqual(body.live, { links: 2, inUse: 4, waiting: 2, silentRelays: ['rly_c'] })
})

test('a span that cannot be shown is refused with the reason', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(at, { accountId: ann.accountId })
  const codeOf = async (query: string) =>
    (await ann.get(`/v1/tunnels/${id}/metrics?${query}`)).body.code
  const now = system.clock.now().toISOString()
  assert.equal(await codeOf(`from=${now}&to=${now}`), 'tunnel.wrong_span')
  const old = new Date(system.clock.now().getTime() - 40 * 60 * 60 * 1000).toISOString()
  assert.equal(await codeOf(`from=${old}&step=60`), 'tunnel.wrong_span')
  assert.equal(await codeOf('step=61'), 'request.invalid')
  const bob = await app.person('bob')
  assert.equal((await bob.get(`/v1/tunnels/${id}/metrics`)).body.code, 'tunnel.not_found')
})

test('usage of a tunnel is what it carried in each month', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(at, { accountId: ann.accountId })
  await addTunnel(at, { accountId: ann.accountId }).then((other) => report(other.id, [1]))
  await report(id, [1])
  const { body } = await ann.get(`/v1/tunnels/${id}/usage?months=2`)
  assert.deepEqual(
    body.periods.map((one: { requests: number; bytesOut: number }) => [one.requests, one.bytesOut]),
    [
      [10, 1_000],
      [0, 0],
    ],
  )
  const { body: tunnel } = await ann.get(`/v1/tunnels/${id}/usage`)
  assert.equal(tunnel.periods.length, 12)
})

test('a wrong clock of a relay, unknown tunnels and counts that are none spoil nothing', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(at, { accountId: ann.accountId })
  const wrong = ['1970-01-01T00:00:00.000Z', '2999-01-01T00:00:00.000Z', 'noon']
  const entries = [
    ...wrong.map((minute, at) => entry({ sequence: at + 1, tunnelId: id, minute })),
    entry({ sequence: 4, tunnelId: 'tun_none', minute: wrong[0]! }),
    entry({ sequence: 5, tunnelId: id, minute: wrong[0]!, bytesIn: -1 }),
    entry({ sequence: 6, tunnelId: id, minute: wrong[0]!, latency: [1] }),
    entry({ sequence: 7, tunnelId: id, minute: wrong[0]!, endpointId: 'tep_made-up' }),
  ]
  assert.deepEqual(await takeUsage(system, relayId, 'wrong', entries), { upTo: 7 })
  const { body } = await ann.get(`/v1/tunnels/${id}/metrics?step=60`)
  assert.equal(body.total.requests, 40)
  assert.deepEqual(
    body.endpoints.map((one: object) => 'endpointId' in one),
    [false],
  )
  assert.deepEqual(await takeUsage(system, relayId, 'wrong', []), { upTo: 7 })
})

test('a percentile lies within the bounds of the requests that it divides', () => {
  const none = Array.from({ length: LATENCY_COUNTS }, () => 0)
  assert.equal(percentile(none, 0.5), undefined)
  assert.equal(percentile([4, ...none.slice(1)], 0.5), 0.5)
  assert.equal(percentile([...none.slice(1), 1], 0.99), 30_000)
  assert.equal(percentile([50, 50, ...none.slice(2)], 0.99), 2)
})
