import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ensureBuiltin } from './builtin.ts'
import { drainNode, undrainNode } from './drains.ts'
import { joinNode } from './join.ts'
import { createJoinToken, tokenOfInstance } from './join-tokens.ts'
import type { SilenceJudge } from '#kernel/silence-judge.ts'
import { nodeJudge } from './judge.ts'
import { authenticateNode, beat, getNode } from './nodes.ts'
import { placesFor } from './placement.ts'
import { codeOf, facts, FINGERPRINT, openTestFleet, OTHER_FINGERPRINT } from './test-support.ts'

const fleet = await openTestFleet()
after(() => fleet[Symbol.asyncDispose]())
const { ctx, parts } = fleet

let machines = 0

async function join(change: object = {}) {
  const { token } = await createJoinToken(ctx, { name: 'x', multiUse: false, expiresInMinutes: 5 })
  const request = {
    ...{ token, url: 'https://10.0.0.1:8701', fingerprint: FINGERPRINT, facts },
    machine: { provider: 'local' as const, id: `rack-${++machines}` },
    ...change,
  }
  const joined = await joinNode(ctx, parts, request)
  const node = await authenticateNode(ctx, `Bearer ${joined.credential}`)
  return { request, joined, node, credential: joined.credential }
}

const beatOf = (
  node: { id: string; instanceId: string; epoch: number },
  sequence: number,
  told = {},
) => beat(ctx, parts, node, { sequence, facts: { ...facts, ...told }, sessions: [] })

/** Looks every 2 s for so long; the ids that were found gone. */
async function lookFor(judge: SilenceJudge, seconds: number): Promise<string[]> {
  const found: string[] = []
  for (let passed = 0; passed < seconds; passed += 2) {
    found.push(...(await judge.look(ctx)))
    fleet.clock.advance(2)
  }
  return found
}

test('a node joins over HTTP, beats with its credential, and is told what to do', async () => {
  const made = await fleet.request('POST', '/api/v1/fleet/join-tokens', { name: 'rack 4' })
  assert.equal(made.status, 201)
  const body = {
    ...{ token: made.body.token, url: 'https://10.0.0.9:8701', fingerprint: FINGERPRINT, facts },
    machine: { provider: 'local', id: 'rack-http' },
  }
  const joined = await fleet.server.request('POST', '/api/v1/node/join', { body })
  assert.equal(joined.status, 201, JSON.stringify(joined.body))
  assert.deepEqual(joined.body.publicKeys, [{ kty: 'OKP', kid: 'test' }])
  fleet.open.add('ses_live')
  const beatWith = (credential: string) =>
    fleet.server.request('POST', '/api/v1/node/beat', {
      body: { sequence: 1, facts: { ...facts, sessions: 2 }, sessions: ['ses_live', 'ses_over'] },
      headers: { authorization: `Bearer ${credential}` },
    })
  const answer = await beatWith(joined.body.credential)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  assert.deepEqual(answer.body.end, ['ses_over'])
  assert.equal(answer.body.drain, false)
  assert.equal((await beatWith(`node_${'x'.repeat(43)}`)).status, 401)
  assert.equal((await beatWith('ann')).body.code, 'node.unauthenticated')
  const nodes = (await fleet.request('GET', '/api/v1/fleet/nodes', undefined, 'bob')).body.items
  const node = nodes.find(({ id }: { id: string }) => id === joined.body.nodeId)
  assert.deepEqual([node.status, node.capacity, node.sessions, node.free], ['ready', 10, 2, 8])
  assert.ok(!JSON.stringify(nodes).includes(joined.body.credential))
})

test('a single-use token serves one certificate, which may come again; no other token joins', async () => {
  const { request, credential } = await join()
  const again = await joinNode(ctx, parts, request)
  assert.notEqual(again.credential, credential)
  assert.equal(await codeOf(authenticateNode(ctx, `Bearer ${credential}`)), 'node.unauthenticated')
  await authenticateNode(ctx, `Bearer ${again.credential}`)
  const stolen = { ...request, fingerprint: OTHER_FINGERPRINT }
  assert.equal(await codeOf(joinNode(ctx, parts, stolen)), 'node.join_refused')
  const wrong = { ...request, token: 'join_nothing' }
  assert.equal(await codeOf(joinNode(ctx, parts, wrong)), 'node.join_refused')
})

test('an expired or deleted token joins nobody', async () => {
  const { row, token } = await createJoinToken(ctx, {
    name: 'x',
    multiUse: true,
    expiresInMinutes: 1,
  })
  const second = await createJoinToken(ctx, { name: 'y', multiUse: true, expiresInMinutes: 9 })
  const { request } = await join()
  fleet.clock.advance(60)
  assert.equal(await codeOf(joinNode(ctx, parts, { ...request, token })), 'node.join_refused')
  await fleet.request('DELETE', `/api/v1/fleet/join-tokens/${second.row.id}`)
  const deleted = { ...request, token: second.token }
  assert.equal(await codeOf(joinNode(ctx, parts, deleted)), 'node.join_refused')
  assert.ok(row.id)
})

test('nobody takes over a machine whose node beats', async () => {
  const { request, node } = await join()
  const { token } = await createJoinToken(ctx, { name: 'x', multiUse: true, expiresInMinutes: 5 })
  const other = { ...request, token, fingerprint: OTHER_FINGERPRINT, url: 'https://10.6.6.6:1' }
  assert.equal(await codeOf(joinNode(ctx, parts, other)), 'node.already_joined')
  assert.equal((await getNode(ctx, node.id)).url, request.url)
})

test('the token of a launch is the same each time and makes the node of its machine alone', async () => {
  const { node } = await join()
  const tokens = [
    await tokenOfInstance(ctx, parts, node.instanceId),
    await tokenOfInstance(ctx, parts, node.instanceId),
  ]
  assert.equal(tokens[0], tokens[1])
  const { request } = await join()
  const joined = await joinNode(ctx, parts, { ...request, token: tokens[0]! })
  assert.equal(joined.instanceId, node.instanceId)
})

test('a beat that was overtaken changes nothing and hears where to go on', async () => {
  const { node } = await join()
  await beatOf(node, 7, { sessions: 3 })
  const late = await beatOf(node, 6, { sessions: 9 })
  assert.equal(late.sequence, 7)
  assert.equal((await getNode(ctx, node.id)).sessions, 3)
})

test('a node is gone after 30 s without a beat, once, and one job ends its sessions', async () => {
  const { node } = await join()
  const { node: lively } = await join()
  const judges = [nodeJudge(fleet.clock, fleet.jobs), nodeJudge(fleet.clock, fleet.jobs)]
  const found: string[] = []
  for (let sequence = 1; sequence <= 20; sequence++) {
    await beatOf(lively, sequence)
    const both = await Promise.all(judges.map((judge) => judge.look(ctx)))
    found.push(...both.flat())
    fleet.clock.advance(2)
  }
  assert.deepEqual(
    found.filter((id) => id === node.id),
    [node.id],
  )
  assert.ok(!found.includes(lively.id))
  assert.deepEqual(
    (await fleet.jobsOf('fleet.end_sessions')).filter((id) => id === node.id),
    [node.id],
  )
  await fleet.perform('endSessions', node.id)
  await fleet.perform('endSessions', node.id)
  assert.deepEqual([...new Set(fleet.ended)], [node.instanceId])
})

test('a judge that was held up, or without a database, accuses nobody for 30 s', async () => {
  const { node } = await join()
  const judge = nodeJudge(fleet.clock, fleet.jobs)
  const isFound = async (seconds: number) => (await lookFor(judge, seconds)).includes(node.id)
  assert.equal(await isFound(28), false)
  fleet.clock.advance(60)
  assert.equal(await isFound(28), false)
  const broken = Object.assign(Object.create(ctx), {
    db: { selectFrom: () => assert.fail('the database is away') },
  })
  await assert.rejects(judge.look(broken), /away/)
  assert.equal(await isFound(28), false)
  assert.equal(await isFound(6), true)
})

test('a node that was gone is back with its next beat, and hears what has ended', async () => {
  const { node } = await join()
  await beatOf(node, 1)
  await lookFor(nodeJudge(fleet.clock, fleet.jobs), 40)
  assert.ok((await getNode(ctx, node.id)).goneAt)
  const sessions = ['ses_live', 'ses_lost']
  const answer = await beat(ctx, parts, node, { sequence: 2, facts, sessions })
  assert.deepEqual(answer.end, ['ses_lost'])
  assert.equal((await getNode(ctx, node.id)).goneAt, null)
  const before = fleet.ended.length
  await fleet.perform('endSessions', node.id)
  assert.equal(fleet.ended.length, before)
  const kinds = await fleet.kinds()
  assert.ok(kinds.indexOf('node.gone') < kinds.lastIndexOf('node.returned'))
})

test('a node that drains hears it with its beat, gets no sessions, and may be let back', async () => {
  const { node } = await join()
  const path = `/api/v1/fleet/nodes/${node.id}/drain`
  const drained = await fleet.request('POST', path)
  assert.deepEqual([drained.body.status, drained.body.drainReason], ['draining', 'asked'])
  assert.equal((await fleet.request('POST', path, undefined, 'bob')).status, 403)
  const isPlaceable = async () =>
    (await placesFor(ctx, 'usr_ann')).some(({ nodeId }) => nodeId === node.id)
  assert.equal(await isPlaceable(), false)
  assert.equal((await beatOf(node, 1, { draining: true })).drain, true)
  const places = await placesFor(ctx, 'usr_ann')
  assert.ok(!places.some(({ nodeId }) => nodeId === node.id))
  await fleet.request('DELETE', path)
  assert.equal((await beatOf(node, 2)).drain, false)
  assert.ok((await placesFor(ctx, 'usr_ann')).some(({ nodeId }) => nodeId === node.id))
})

test('a spot notice drains the node for good', async () => {
  const { node } = await join()
  assert.equal((await beatOf(node, 1, { spotNotice: true })).drain, true)
  await undrainNode(ctx, node.id)
  assert.equal((await getNode(ctx, node.id)).drainReason, 'spot')
  await drainNode(ctx, node.id, 'idle')
  assert.equal((await getNode(ctx, node.id)).drainReason, 'spot')
})

test('sessions are placed on machines of their user first, never on those of others, full or gone ones', async () => {
  const own = await join()
  const theirs = await join()
  const full = await join()
  const busy = await join()
  const assign = (id: string, assignedToUserId: string) =>
    ctx.db.updateTable('fleetInstances').set({ assignedToUserId }).where('id', '=', id).execute()
  await assign(own.node.instanceId, 'usr_ann')
  await assign(theirs.node.instanceId, 'usr_bob')
  await beatOf(full.node, 1, { sessions: 10 })
  await beatOf(busy.node, 1, { sessions: 9 })
  const places = (await placesFor(ctx, 'usr_ann')).map(({ nodeId }) => nodeId)
  assert.deepEqual(places.slice(0, 2), [own.node.id, busy.node.id])
  assert.ok(!places.includes(theirs.node.id) && !places.includes(full.node.id))
})

test('the machine of the control plane is an instance that nobody can end', async () => {
  const id = 'ins_00000000000000000000000001'
  const first = await ensureBuiltin(ctx, id, facts)
  const again = await ensureBuiltin(ctx, id, facts)
  assert.equal(again.epoch, first.epoch + 1)
  assert.equal((await beatOf(again, 1)).drain, false)
  const path = `/api/v1/fleet/instances/${id}`
  for (const [method, at] of [
    ['DELETE', path],
    ['POST', `${path}/restart`],
  ] as const) {
    const answer = await fleet.request(method, at)
    assert.deepEqual([answer.status, answer.body.code], [409, 'fleet.builtin_machine'])
  }
  const { body } = await fleet.request('GET', path)
  assert.deepEqual([body.builtin, body.status, body.healthStatus], [true, 'running', 'healthy'])
})
