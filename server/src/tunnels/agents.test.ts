import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { readServiceToken, trustKeys } from '#kernel/service-token.ts'
import { eventually } from '#kernel/test-support.ts'
import { addMember, forAccount, found } from '#test/accounts.ts'
import { type Person, startApp } from '#test/app.ts'
import { publicKeys } from '#identity/index.ts'
import { fenceLapsed } from './fence.ts'
import { findTunnel, noteHealth } from './index.ts'
import { sweep } from './sweep.ts'
import { addRelay, addTunnel, link, partsOf, runAgent } from './test-support.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const ctx = app.app.systemContext()
const parts = partsOf(app)
const relayId = await addRelay(app)

async function keyOf(person: Person, scopes: string[]) {
  const { body } = await person.post('/v1/api-keys', { name: 'agent', scopes })
  const headers = { authorization: `Bearer ${body.key}` }
  const start = (tunnels: string[], more: object = {}) =>
    app.request('POST', '/v1/tunnel-agents', {
      ...{ headers, body: { label: 'box', version: '1', tunnels, ...more } },
    })
  return { id: body.id, start }
}

const statusOf = async (person: Person, id: string) =>
  (await person.get(`/v1/tunnels/${id}`)).body.status

test('a ticket is for relays and its run, for a minute', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, {})
  const { body } = await runAgent(ann, [id])
  const keys = trustKeys(await publicKeys(ctx.db))
  const now = Date.now() / 1000
  const claims = readServiceToken(keys, body.ticket, 'relay', now)
  assert.equal(claims?.sub, body.runId)
  assert.ok(claims && claims.exp - now <= 60)
  assert.equal(readServiceToken(keys, body.ticket, 'relay-peer', now), undefined)
})

test('T62: an agent gets no tunnel of another account, not even beside its own, and no run of another person', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const [mine, theirs] = [(await addTunnel(ann, {})).id, (await addTunnel(bob, {})).id]
  const stolen = await runAgent(bob, [theirs, mine])
  assert.deepEqual([stolen.status, stolen.body.code], [404, 'tunnel.not_found'])
  const { spec } = (await findTunnel(ctx, parts, { tunnelId: theirs }))!
  assert.deepEqual(spec.holders, {}, 'nothing was taken')
  const { body: run } = await runAgent(ann, [mine])
  const foreign = await runAgent(bob, [theirs], { runId: run.runId })
  assert.deepEqual([foreign.status, foreign.body.code], [404, 'tunnel.run_unknown'])
  const relabelled = await runAgent(ann, [mine], { runId: run.runId, label: 'other' })
  assert.equal(relabelled.body.code, 'tunnel.run_unknown')
  await assert.rejects(link(app, 'tar_none', relayId), { code: 'tunnel.run_unknown' })
})

test('T62: a health report reaches no endpoint of another tunnel', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const endpoints = [{ url: 'http://127.0.0.1:3000' }]
  const [mine, theirs] = [await addTunnel(ann, { endpoints }), await addTunnel(bob, {})]
  const report = { endpointId: mine.endpoints[0].id, status: 'unhealthy' } as const
  const at = new Date().toISOString()
  await noteHealth(ctx, [{ ...report, tunnelId: theirs.id, at }])
  const shown = async () => (await ann.get(`/v1/tunnels/${mine.id}`)).body.endpoints[0].healthStatus
  assert.equal(await shown(), 'unknown')
  await noteHealth(ctx, [{ ...report, tunnelId: mine.id, at, message: 'no\0thing' }])
  assert.equal(await shown(), 'unhealthy')
  const earlier = new Date(Date.parse(at) - 5_000).toISOString()
  await noteHealth(ctx, [{ ...report, tunnelId: mine.id, status: 'healthy', at: earlier }])
  assert.equal(await shown(), 'unhealthy', 'what is older than what is known says nothing')
})

test('T62: with a key that was revoked a ticket opens no link, and the links that are open are struck out', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, {})
  const key = await keyOf(ann, ['tunnels.*'])
  const { body: run } = await key.start([id])
  await link(app, run.runId, relayId)
  assert.equal(await statusOf(ann, id), 'connected')
  const held = (await findTunnel(ctx, parts, { tunnelId: id }))!.spec
  assert.equal((await ann.delete(`/v1/api-keys/${key.id}`)).status, 204)
  await assert.rejects(link(app, run.runId, relayId), { code: 'tunnel.run_refused' })
  await eventually('the cut', async () => (await statusOf(ann, id)) === 'disconnected')
  const { spec, links } = (await findTunnel(ctx, parts, { tunnelId: id }))!
  assert.deepEqual(links, [])
  assert.ok(spec.revision > held.revision && spec.holders.box! > held.holders.box!)
  assert.equal((await key.start([id], { runId: run.runId })).status, 401)
})

test('a key holds tunnels open with the right to change them, and with no other', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, {})
  const reader = await keyOf(ann, ['tunnels.read'])
  assert.equal((await reader.start([id])).status, 403)
})

test('a member who goes, or signs out, leaves no tunnel open behind', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const accountId = await found(ann, app.unique('team'))
  await addMember(app, accountId, bob, 'member')
  const inTeam = forAccount(accountId)
  const { body: tunnel } = await ann.post('/v1/tunnels', {}, inTeam)
  const body = { label: 'box', version: '1', tunnels: [tunnel.id] }
  const { body: run } = await bob.post('/v1/tunnel-agents', body, inTeam)
  await link(app, run.runId, relayId)
  await ann.delete(`/v1/accounts/${accountId}/members/${bob.userId}`)
  await assert.rejects(link(app, run.runId, relayId), { code: 'tunnel.run_refused' })
  await eventually('the cut', async () => {
    const { body } = await ann.get(`/v1/tunnels/${tunnel.id}`, inTeam)
    return body.status === 'disconnected'
  })
  const own = await addTunnel(bob, {})
  const { body: ownRun } = await runAgent(bob, [own.id])
  await link(app, ownRun.runId, relayId)
  await bob.post('/v1/auth/logout')
  await assert.rejects(link(app, ownRun.runId, relayId), { code: 'tunnel.run_refused' })
})

test('a run that nobody sees ends, gives way, and comes back when nobody has taken its place', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, {})
  const { body: first } = await runAgent(ann, [id])
  const long = new Date(Date.now() - 3_600_000)
  const age = (run: { runId: string }) =>
    ctx.db
      .updateTable('tunnelAgentRuns')
      .set({ lastSeenAt: long })
      .where('id', '=', run.runId)
      .execute()
  await age(first)
  await ctx.db.updateTable('tunnels').set({ statusSince: long }).where('id', '=', id).execute()
  await sweep(ctx)
  assert.equal(await statusOf(ann, id), 'disconnected', 'it has never linked')
  assert.deepEqual((await ann.get(`/v1/tunnels/${id}/status`)).body.agents, [])
  const back = await runAgent(ann, [id], { runId: first.runId })
  assert.equal(back.body.tunnels[0].epoch, 1)
  const { body: second } = await runAgent(ann, [id])
  const refused = await runAgent(ann, [id], { runId: first.runId })
  assert.equal(refused.body.refused[0].code, 'tunnel.taken_over')
  await age(second)
  await sweep(ctx)
  const again = await runAgent(ann, [id], { runId: first.runId })
  assert.equal(again.body.tunnels[0].epoch, 3)
})

test('a run that sleeps with a link is not ended', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, {})
  const { body: run } = await runAgent(ann, [id])
  await link(app, run.runId, relayId)
  await ctx.db
    .updateTable('tunnelAgentRuns')
    .set({ lastSeenAt: new Date(0) })
    .where('id', '=', run.runId)
    .execute()
  await sweep(ctx)
  assert.equal(await statusOf(ann, id), 'connected')
  assert.equal((await ann.get(`/v1/tunnels/${id}/status`)).body.agents.length, 1)
})

test('T62: who managed a tunnel by a share holds it no more once that is taken back, or has expired', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const { id } = await addTunnel(ann, {})
  const path = `/v1/tunnels/${id}/shares`
  const body = { kind: 'user', userId: bob.userId, permission: 'manage', expiresInSeconds: 60 }
  for (const end of ['revoke', 'expire']) {
    const { body: share } = await ann.post(path, body)
    const { body: run } = await runAgent(bob, [id])
    const { linkId } = await link(app, run.runId, relayId)
    assert.equal(await statusOf(ann, id), 'connected')
    if (end === 'revoke') await ann.delete(`${path}/${share.id}`)
    else {
      const expiresAt = new Date(Date.now() - 1)
      await ctx.db
        .updateTable('tunnelShares')
        .set({ expiresAt })
        .where('id', '=', share.id)
        .execute()
      await fenceLapsed(ctx, parts)
    }
    assert.equal(await statusOf(ann, id), 'disconnected', end)
    const again = await link(app, run.runId, relayId, linkId)
    assert.deepEqual([again.tunnels, again.refused[0]?.code], [[], 'tunnel.not_found'])
    assert.equal((await runAgent(bob, [id], { runId: run.runId })).status, 404)
    const { spec } = (await findTunnel(ctx, parts, { tunnelId: id }))!
    assert.ok(spec.holders.laptop! > run.tunnels[0].epoch, 'its links are of an epoch that is over')
    await ann.delete(`${path}/${share.id}`)
  }
})

test('a run that calls again changes nothing, and relays are told nothing', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, {})
  const { body: run } = await runAgent(ann, [id])
  const before = (await findTunnel(ctx, parts, { tunnelId: id }))!.spec
  const again = await runAgent(ann, [id], { runId: run.runId })
  assert.deepEqual(again.body.tunnels, run.tunnels)
  assert.deepEqual((await findTunnel(ctx, parts, { tunnelId: id }))!.spec, before)
})

test('of an erased person nothing is left that tells who held what open, or what was shared with them', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const { id } = await addTunnel(bob, {})
  const lent = await addTunnel(ann, {})
  await ann.post(`/v1/tunnels/${lent.id}/shares`, { kind: 'user', email: bob.email })
  const { body: run } = await runAgent(bob, [id], { host: 'bobs-laptop' })
  const person = { userId: bob.userId, email: bob.email, accountIds: [bob.accountId] }
  const { lists, erase } = app.app.capabilities.find(({ name }) => name === 'tunnels')!.personal!
  const listed = async () => {
    const entries = Object.entries(lists!).map(async ([name, read]) => {
      let rows = 0
      for await (const _row of read(ctx, person)) rows++
      return [name, rows]
    })
    return Object.fromEntries(await Promise.all(entries))
  }
  const own = { tunnels: 1, tunnelAgentRuns: 1 }
  assert.deepEqual(await listed(), { ...own, tunnelShares: 1 })
  await erase!(ctx, person)
  await erase!(ctx, person)
  assert.deepEqual(await listed(), { ...own, tunnelShares: 0 })
  assert.equal(await findTunnel(ctx, parts, { tunnelId: id }), undefined)
  const row = await ctx.db
    .selectFrom('tunnelAgentRuns')
    .select(['host', 'ipAddress'])
    .where('id', '=', run.runId)
    .executeTakeFirst()
  assert.deepEqual(row, { host: null, ipAddress: null })
})

test('of a deleted account no tunnel is left, and what was shared with it is taken back', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const accountId = await found(ann, app.unique('team'))
  const inTeam = forAccount(accountId)
  const name = app.unique('harbour')
  const { body: tunnel } = await ann.post('/v1/tunnels', { name }, inTeam)
  const body = { label: 'box', version: '1', tunnels: [tunnel.id] }
  const { body: run } = await ann.post('/v1/tunnel-agents', body, inTeam)
  await link(app, run.runId, relayId)
  const { id: shared } = await addTunnel(bob, {})
  await bob.post(`/v1/tunnels/${shared}/shares`, { kind: 'account', accountId })
  await ann.post('/v1/auth/step-up', { password: ann.password })
  const gone = await ann.delete(`/v1/accounts/${accountId}`)
  assert.ok(gone.status < 300, JSON.stringify(gone.body))
  await eventually('the end', async () => {
    const there = await findTunnel(ctx, parts, { tunnelId: tunnel.id })
    const { body } = await bob.get(`/v1/tunnels/${shared}/shares`)
    return !there && body.items.length === 0
  })
  const stolen = await bob.post('/v1/tunnels', { name })
  assert.equal(stolen.body.code, 'tunnel.name_taken')
})
