import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinNode } from './join.ts'
import { createJoinToken } from './join-tokens.ts'
import { authenticateNode, beat, getNode } from './nodes.ts'
import { putPool } from './pool.ts'
import { reconcile } from './reconcile.ts'
import { PutPool } from './schema.ts'
import { codeOf, facts, FINGERPRINT, openTestFleet, type TestFleet } from './test-support.ts'

const INSTANCES = '/api/v1/fleet/instances'
const url = 'https://10.0.0.1:8701'

/** A machine of the cloud whose node beats; of the pool, or launched by hand. */
async function openMachine(fleet: TestFleet, purpose: 'pool' | 'manual' = 'manual') {
  if (purpose === 'pool') {
    const settings = PutPool.parse({ min: 1, max: 1, scaleOutCooldownSeconds: 3600 })
    await putPool(fleet.ctx, fleet.parts, settings)
    await reconcile(fleet.ctx, fleet.fleet)
  } else await fleet.request('POST', INSTANCES, {})
  const [{ id }] = (await fleet.request('GET', INSTANCES)).body.items
  await fleet.perform('launch', id)
  const token = fleet.cloud.launches.at(-1)!.joinToken
  return { id, ...(await join(fleet, { token })) }
}

async function join(fleet: TestFleet, change: { token: string; machine?: object }) {
  const request = { url, fingerprint: FINGERPRINT, facts, ...change } as never
  const { credential } = await joinNode(fleet.ctx, fleet.parts, request)
  const node = await authenticateNode(fleet.ctx, `Bearer ${credential}`)
  const headers = { authorization: `Bearer ${credential}` }
  let sequence = 0
  return {
    ...{ node, request },
    beat: (told: object = {}) => {
      const body = { sequence: ++sequence, facts: { ...facts, ...told }, sessions: [] }
      return beat(fleet.ctx, fleet.parts, node, body)
    },
    leave: (body?: object) => fleet.server.request('POST', '/api/v1/node/leave', { headers, body }),
  }
}

const show = async (fleet: TestFleet, id: string) =>
  (await fleet.request('GET', `${INSTANCES}/${id}`)).body

const kinds = async (fleet: TestFleet) =>
  (await reconcile(fleet.ctx, fleet.fleet)).map(({ kind }) => kind)

test('a machine that is to end takes no new sessions, and ends once those that it has are over', async () => {
  await using fleet = await openTestFleet()
  const { id, node, beat } = await openMachine(fleet)
  await beat({ sessions: 2 })
  const answer = await fleet.request('DELETE', `${INSTANCES}/${id}?drain=true`)
  assert.deepEqual([answer.status, answer.body.status], [202, 'running'])
  assert.equal((await getNode(fleet.ctx, node.id)).drainReason, 'ending')
  assert.equal((await beat({ sessions: 2 })).drain, true)
  await beat({ sessions: 1, draining: true })
  assert.deepEqual(await kinds(fleet), [])
  await fleet.request('POST', `/api/v1/fleet/nodes/${node.id}/drain`)
  await beat({ draining: true })
  assert.deepEqual(await kinds(fleet), ['terminate'])
  await fleet.perform('terminate', id)
  assert.deepEqual(fleet.cloud.alive, [])
  assert.equal((await show(fleet, id)).status, 'terminated')
})

test('a machine that is to end can be kept, or ended at once; without a node it ends at once', async () => {
  await using fleet = await openTestFleet()
  const { id, node, beat } = await openMachine(fleet)
  await fleet.request('DELETE', `${INSTANCES}/${id}?drain=true`)
  await fleet.request('DELETE', `/api/v1/fleet/nodes/${node.id}/drain`)
  assert.equal((await beat({ draining: true })).drain, false)
  assert.deepEqual(await kinds(fleet), [])
  await fleet.request('DELETE', `${INSTANCES}/${id}?drain=true`)
  const ended = await fleet.request('DELETE', `${INSTANCES}/${id}`)
  assert.equal(ended.body.status, 'stopping')
  const bare = (await fleet.request('POST', INSTANCES, {})).body
  const gone = await fleet.request('DELETE', `${INSTANCES}/${bare.id}?drain=true`)
  assert.equal(gone.body.status, 'stopping')
  const wrong = await fleet.request('DELETE', `${INSTANCES}/${bare.id}?drain=perhaps`)
  assert.equal(wrong.status, 400)
})

test('a node that crashes and joins anew is still to end, also one that had joined by itself', async () => {
  await using fleet = await openTestFleet()
  const made = { name: 'x', multiUse: true, expiresInMinutes: 5 }
  const { token } = await createJoinToken(fleet.ctx, made)
  const machine = { provider: 'local', id: 'rack-1' }
  const { node } = await join(fleet, { token, machine })
  await fleet.request('DELETE', `${INSTANCES}/${node.instanceId}?drain=true`)
  const again = await join(fleet, { token, machine })
  assert.equal((await again.beat({ draining: true })).drain, true)
  assert.deepEqual(await kinds(fleet), ['terminate'])
  await fleet.perform('terminate', node.instanceId)
  assert.equal((await show(fleet, node.instanceId)).status, 'terminated')
  assert.equal((await again.leave()).status, 401)
})

test('a machine that came by itself and was ended comes back with a new token only', async () => {
  await using fleet = await openTestFleet()
  const newToken = async () => {
    const made = { name: 'x', multiUse: true, expiresInMinutes: 5 }
    return (await createJoinToken(fleet.ctx, made)).token
  }
  const machine = { provider: 'local', id: 'rack-2' }
  const token = await newToken()
  const { node, beat } = await join(fleet, { token, machine })
  await fleet.request('DELETE', `${INSTANCES}/${node.instanceId}`)
  await fleet.perform('terminate', node.instanceId)
  assert.equal(await codeOf(beat()), 'node.unauthenticated')
  assert.equal(await codeOf(join(fleet, { token, machine })), 'node.ended')
  const other = await join(fleet, { token, machine: { provider: 'local', id: 'rack-3' } })
  assert.notEqual(other.node.instanceId, node.instanceId, 'the token is good for others')

  fleet.clock.advance(1)
  const back = await join(fleet, { token: await newToken(), machine })
  assert.equal((await show(fleet, back.node.instanceId)).status, 'running')
})

test('a machine that is to restart does so when it is empty, and takes sessions once it is back', async () => {
  await using fleet = await openTestFleet()
  const { id, node, beat } = await openMachine(fleet)
  await beat({ sessions: 1 })
  const restart = () => fleet.request('POST', `${INSTANCES}/${id}/restart?drain=true`)
  const answer = await restart()
  assert.deepEqual([answer.status, answer.body.status], [202, 'running'])
  assert.deepEqual(await fleet.jobsOf('fleet.restart_instance'), [])
  await beat({ sessions: 1, draining: true })
  assert.deepEqual(await kinds(fleet), [])
  await beat({ draining: true })
  assert.deepEqual(await kinds(fleet), ['restart'])
  assert.deepEqual(await fleet.jobsOf('fleet.restart_instance'), [id])
  assert.equal((await beat({ draining: true })).drain, true)
  assert.deepEqual(await kinds(fleet), [])
  await fleet.perform('restart', id)
  assert.equal(fleet.cloud.restarts.length, 1)
  assert.equal((await beat()).drain, false)
  assert.equal((await getNode(fleet.ctx, node.id)).drainReason, null)
  await fleet.request('DELETE', `${INSTANCES}/${id}?drain=true`)
  const late = await restart()
  assert.deepEqual([late.status, late.body.code], [409, 'fleet.wrong_state'])
})

test('a machine of the pool that is to restart is not ended when its node leaves for that', async () => {
  await using fleet = await openTestFleet()
  const { id, beat, leave } = await openMachine(fleet, 'pool')
  await fleet.request('POST', `${INSTANCES}/${id}/restart?drain=true`)
  await beat({ draining: true })
  assert.equal((await leave()).status, 204)
  assert.equal((await show(fleet, id)).status, 'running')
  assert.deepEqual(await kinds(fleet), ['restart'])
  // The process of an immediate restart leaves too.
  await fleet.perform('restart', id)
  await beat()
  await fleet.request('POST', `${INSTANCES}/${id}/restart`)
  await leave()
  assert.equal((await show(fleet, id)).status, 'running')
})

test('a node that leaves is gone at once, with its sessions, and a machine of the pool with it', async () => {
  await using fleet = await openTestFleet()
  const { id, node, beat, leave } = await openMachine(fleet, 'pool')
  await beat({ sessions: 1 })
  assert.equal((await leave({ sequence: 9 })).status, 204)
  const { goneAt } = await getNode(fleet.ctx, node.id)
  const [{ status }] = (await fleet.request('GET', '/api/v1/fleet/nodes')).body.items
  assert.equal(status, 'left')
  assert.ok(goneAt)
  assert.deepEqual(await fleet.jobsOf('fleet.end_sessions'), [node.id])
  assert.equal((await show(fleet, id)).status, 'stopping')
  // A beat that was on its way when the node left.
  await beat({ sessions: 1 })
  assert.deepEqual((await getNode(fleet.ctx, node.id)).goneAt, goneAt)
  await leave()
  assert.equal((await fleet.kinds()).filter((kind) => kind === 'node.left').length, 1)
  await fleet.perform('terminate', id)
  assert.deepEqual([fleet.cloud.alive, fleet.ended], [[], [id]])
  assert.equal((await leave()).status, 401)
})

test('a machine outside of the pool stays when its node leaves, and a beat brings the node back', async () => {
  await using fleet = await openTestFleet()
  const { id, node, beat, leave } = await openMachine(fleet)
  await leave()
  assert.deepEqual([(await show(fleet, id)).status, await kinds(fleet)], ['running', []])
  assert.equal((await show(fleet, id)).healthStatus, 'unhealthy')
  await beat()
  const back = await getNode(fleet.ctx, node.id)
  assert.deepEqual([back.goneAt, back.leftAt], [null, null])
  const stranger = await fleet.server.request('POST', '/api/v1/node/leave', {
    headers: { authorization: `Bearer node_${'x'.repeat(43)}` },
  })
  assert.deepEqual([stranger.status, stranger.body.code], [401, 'node.unauthenticated'])
})
