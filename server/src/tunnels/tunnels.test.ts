import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startApp } from '#test/app.ts'
import { closeLink, findTunnel, changedSince, noteHealth } from './index.ts'
import { addRelay, addTunnel, link, partsOf, runAgent } from './test-support.ts'

const app = await startApp({ env: { TUNNEL_DOMAIN: 'tunnels.test', TUNNEL_PORTS: '31000-31002' } })
after(() => app[Symbol.asyncDispose]())
const ctx = app.app.systemContext()
const parts = partsOf(app)

test('a tunnel is there for its account under its own hostname, and for nobody else', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const name = app.unique('shop')
  const tunnel = await addTunnel(ann, {
    name: name.toUpperCase(),
    endpoints: [{ url: 'http://127.0.0.1:3000', agent: 'laptop' }],
  })
  assert.equal(tunnel.hostname, `${name}.tunnels.test`)
  assert.equal(tunnel.url, app.url.replace('127.0.0.1', tunnel.hostname))
  assert.deepEqual([tunnel.status, tunnel.started, tunnel.links], ['created', true, 0])
  assert.deepEqual((await ann.get(`/v1/tunnels/${tunnel.id}`)).body, tunnel)
  assert.deepEqual((await ann.get('/v1/tunnels')).body.items, [tunnel])
  const foreign = await bob.get(`/v1/tunnels/${tunnel.id}`)
  assert.deepEqual([foreign.status, foreign.body.code], [404, 'tunnel.not_found'])
  const found = await findTunnel(ctx, parts, { hostname: tunnel.hostname })
  assert.equal(found?.spec.id, tunnel.id)
  assert.equal(found?.spec.endpoints[0]?.url, 'http://127.0.0.1:3000')
})

test('an agent takes a tunnel, links, is cut off and comes back with its epoch', async () => {
  const ann = await app.person('ann')
  const relayId = await addRelay(app)
  const endpoints = [{ url: 'http://127.0.0.1:3000', agent: 'laptop' }]
  const { id } = await addTunnel(ann, { endpoints })
  const status = async () => (await ann.get(`/v1/tunnels/${id}`)).body.status
  const run = await runAgent(ann, [id])
  assert.equal(run.status, 200, JSON.stringify(run.body))
  assert.equal(run.body.tunnels[0].endpoints[0].url, 'http://127.0.0.1:3000')
  assert.equal(await status(), 'connecting')
  const opened = await link(app, run.body.runId, relayId)
  assert.deepEqual([opened.tunnels[0]?.epoch, opened.refused], [1, []])
  assert.equal(await status(), 'connected')
  const found = await findTunnel(ctx, parts, { tunnelId: id })
  assert.deepEqual(found?.links, [{ relayId, relayEpoch: 1 }])
  const [endpoint] = found?.spec.endpoints ?? []
  const at = new Date().toISOString()
  const report = { endpointId: endpoint!.id, tunnelId: id, at }
  await noteHealth(ctx, [{ ...report, status: 'unhealthy', message: 'refused' }])
  const shown = (await ann.get(`/v1/tunnels/${id}`)).body.endpoints[0]
  assert.deepEqual([shown.healthStatus, shown.healthMessage], ['unhealthy', 'refused'])
  await closeLink(ctx, opened.linkId)
  assert.equal(await status(), 'disconnected')
  const again = await runAgent(ann, [id], { runId: run.body.runId })
  assert.equal(again.body.tunnels[0].epoch, 1)
  assert.equal(await status(), 'connecting')
})

test('a newer run takes the tunnel at once, and the earlier one gets it back by no call', async () => {
  const ann = await app.person('ann')
  const relayId = await addRelay(app)
  const { id } = await addTunnel(ann, {})
  const first = await runAgent(ann, [id])
  await link(app, first.body.runId, relayId)
  const known = await changedSince(ctx, parts, 0, [id])
  const second = await runAgent(ann, [id])
  assert.equal(second.body.tunnels[0].epoch, 2)
  const news = await changedSince(ctx, parts, known.revision, [id])
  assert.deepEqual(news.specs[0]?.holders, { laptop: 2 })
  assert.deepEqual((await findTunnel(ctx, parts, { tunnelId: id }))?.links, [])
  const late = await link(app, first.body.runId, relayId)
  assert.deepEqual([late.tunnels, late.refused[0]?.code], [[], 'tunnel.taken_over'])
  const back = await runAgent(ann, [id], { runId: first.body.runId })
  assert.deepEqual([back.body.tunnels, back.body.refused[0].code], [[], 'tunnel.taken_over'])
})
