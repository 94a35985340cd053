import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { addTunnel, addRelay, link, partsOf, runAgent } from '../test-support.ts'
import { findTunnel } from '../specs.ts'

const app = await startApp({ env: { TUNNEL_DOMAIN: 'tunnels.test' } })
after(() => app[Symbol.asyncDispose]())
const ctx = app.app.systemContext()
const parts = partsOf(app)
const REASON = 'It imitates the sign-in of a bank.'
const at = (id: string) => `/v1/admin/tunnels/${id}/suspension`

test('an operator finds the tunnel behind an address, and sees nothing that its account keeps to itself', async () => {
  const [ann, root] = [await app.person('ann'), await app.superAdmin()]
  const config = { requestHeaders: { set: { 'x-key': 'plum-harbour-42' } } }
  const tunnel = await addTunnel(ann, { name: app.unique('shop'), config })
  const hostname = `shop-${app.unique('own')}.example.com`
  await ctx.db
    .insertInto('tunnelDomains')
    .values({
      ...{ id: ctx.newId('tdm'), tunnelId: tunnel.id, accountId: ann.accountId, hostname },
      ...{ proof: 'x', verifiedAt: ctx.clock.now(), createdAt: ctx.clock.now() },
      ...{ checkedAt: null, provenAt: null, lastError: null, expiresAt: null },
    })
    .execute()
  const queries = [
    `hostname=${tunnel.hostname.toUpperCase()}`,
    `hostname=${hostname}`,
    `name=${tunnel.name}&accountId=${ann.accountId}&status=created&suspended=false`,
  ]
  for (const query of queries) {
    const { status, body } = await root.get(`/v1/admin/tunnels?${query}`)
    assert.equal(status, 200, query)
    const [one, ...others] = body.items
    assert.deepEqual([one.id, one.accountId, others.length], [tunnel.id, ann.accountId, 0], query)
    assert.deepEqual([one.url, one.domains], [tunnel.url, [hostname]])
    assert.doesNotMatch(JSON.stringify(body), /plum-harbour|config|access"/)
  }
  const nobody = await root.get('/v1/admin/tunnels?hostname=elsewhere.example.com')
  assert.deepEqual(nobody.body.items, [])
  const [first, second] = [await addTunnel(ann, {}), await addTunnel(ann, {})]
  const page = await root.get(`/v1/admin/tunnels?limit=1&accountId=${ann.accountId}`)
  assert.equal(page.body.items[0].id, second.id)
  const next = await root.get(
    `/v1/admin/tunnels?limit=1&accountId=${ann.accountId}&cursor=${page.body.nextCursor}`,
  )
  assert.equal(next.body.items[0].id, first.id)
})

test('a suspended tunnel has no link, takes no agent, and its account can neither start nor delete it', async () => {
  const [ann, root] = [await app.person('ann'), await app.superAdmin()]
  const tunnel = await addTunnel(ann, { name: app.unique('shop') })
  const { id } = tunnel
  const { body: run } = await runAgent(ann, [id])
  await link(app, run.runId, await addRelay(app))
  const { status, body } = await root.put(at(id), { reason: REASON })
  assert.equal(status, 200, JSON.stringify(body))
  assert.deepEqual([body.status, body.links, body.suspension.reason], ['disconnected', 0, REASON])
  const { spec, links } = (await findTunnel(ctx, parts, { tunnelId: id }))!
  assert.deepEqual([spec.started, spec.suspended, links], [false, true, []])

  const shown = (await ann.get(`/v1/tunnels/${id}`)).body
  assert.deepEqual([shown.started, shown.suspension.reason], [true, REASON])
  assert.equal((await ann.get(`/v1/tunnels/${id}/status`)).body.suspension.reason, REASON)
  const { checks } = (await ann.get(`/v1/tunnels/${id}/diagnostics`)).body
  assert.match(checks[0].detail, /suspended .*bank/)
  const { body: again } = await runAgent(ann, [id])
  assert.deepEqual(
    again.refused.map(({ code }: { code: string }) => code),
    ['tunnel.suspended'],
  )
  const refusals = [
    await ann.post(`/v1/tunnels/${id}/start`),
    await ann.delete(`/v1/tunnels/${id}`),
  ].map(({ status, body }) => [status, body.code])
  const suspended = [403, 'tunnel.suspended']
  assert.deepEqual(refusals, [suspended, suspended])
  assert.equal((await ann.post(`/v1/tunnels/${id}/stop`)).status, 200)
  assert.equal((await ann.post(`/v1/tunnels/${id}/start`)).status, 403)

  assert.equal((await root.delete(at(id))).body.suspension, undefined)
  assert.equal((await ann.post(`/v1/tunnels/${id}/start`)).status, 200)
  assert.deepEqual((await runAgent(ann, [id])).body.refused, [])
  assert.equal((await ann.delete(`/v1/tunnels/${id}`)).status, 204)
})

test('of two suspensions at once one wins, and who did it is told to the account and to the audit', async () => {
  const [ann, root] = [await app.person('ann'), await app.superAdmin()]
  const { id } = await addTunnel(ann, { name: app.unique('shop') })
  const both = await Promise.all([1, 2].map(() => root.put(at(id), { reason: REASON })))
  assert.deepEqual(both.map(({ status }) => status).toSorted(), [200, 409])
  await root.delete(at(id))
  assert.equal((await root.delete(at(id))).status, 409)
  const kinds = (await app.eventKinds(ann.accountId)).filter((kind) => kind.includes('suspen'))
  assert.deepEqual(kinds, ['tunnel.suspended', 'tunnel.suspension_lifted'])
  const { items } = (await ann.get(`/v1/tunnels/${id}/history`)).body
  const entry = items.find(({ event }: { event: string }) => event === 'tunnel.suspended')
  assert.deepEqual([entry.by, entry.data.reason], [root.userId, REASON])
  await eventually('the audit has it', async () => {
    const { body } = await root.get(`/v1/admin/audit?action=tunnel.suspended&target=${id}`)
    return body.items?.length === 1
  })
})

test('only those who run the installation list, suspend and lift', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, { name: app.unique('shop') })
  const tries = [
    await ann.get('/v1/admin/tunnels'),
    await ann.put(at(id), { reason: REASON }),
    await ann.delete(at(id)),
  ]
  assert.deepEqual(
    tries.map(({ status }) => status),
    [403, 403, 403],
  )
  const root = await app.superAdmin()
  assert.equal((await root.put(at(id), { reason: ' ' })).status, 400)
  assert.equal((await root.put(at('tun_none'), { reason: REASON })).status, 404)
})
