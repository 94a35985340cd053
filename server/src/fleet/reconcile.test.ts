import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinNode } from './join.ts'
import { beat, getNode } from './nodes.ts'
import { putPool } from './pool.ts'
import { ProviderFailure } from './providers/provider.ts'
import { reconcile } from './reconcile.ts'
import { PutPool } from './schema.ts'
import { facts, FINGERPRINT, openTestFleet, type TestFleet } from './test-support.ts'

/** A round, and the jobs that it has queued. */
async function round(fleet: TestFleet) {
  const actions = await reconcile(fleet.ctx, fleet.fleet)
  await work(fleet)
  return actions.map((action) => ('count' in action ? `launch ${action.count}` : action.kind))
}

async function work(fleet: TestFleet): Promise<void> {
  for (const { id, status, providerId } of await rows(fleet)) {
    if (status === 'provisioning' && !providerId) await fleet.perform('launch', id)
    if (status === 'stopping') await fleet.perform('terminate', id)
  }
}

const rows = (fleet: TestFleet) =>
  fleet.kernel.db.selectFrom('fleetInstances').selectAll().orderBy('id').execute()

const statuses = async (fleet: TestFleet) => (await rows(fleet)).map(({ status }) => status)

const pool = (fleet: TestFleet, settings: object) =>
  putPool(fleet.ctx, fleet.parts, PutPool.parse({ min: 0, max: 5, ...settings }))

/** Lets every machine that has no node join; returns how each beats. */
async function joinAll(fleet: TestFleet) {
  const nodes = []
  for (const { instanceId, joinToken } of fleet.cloud.launches) {
    const known = await fleet.kernel.db
      .selectFrom('fleetNodes')
      .selectAll()
      .where('instanceId', '=', instanceId)
      .executeTakeFirst()
    if (known) continue
    const url = 'https://10.0.0.1:8701'
    const request = { token: joinToken, url, fingerprint: FINGERPRINT, facts }
    const { nodeId } = await joinNode(fleet.ctx, fleet.parts, request)
    nodes.push(await getNode(fleet.ctx, nodeId))
  }
  let sequence = 0
  return nodes.map((node) => ({
    node,
    beat: (told: object = {}) =>
      beat(fleet.ctx, fleet.parts, node, {
        ...{ sequence: ++sequence, facts: { ...facts, ...told }, sessions: [] },
      }),
  }))
}

test('the pool grows with the queue, and shrinks to its minimum when it is idle', async () => {
  await using fleet = await openTestFleet()
  await pool(fleet, { min: 1, max: 4 })
  assert.deepEqual(await round(fleet), ['launch 1'])
  assert.deepEqual(await round(fleet), [])
  const [first] = await joinAll(fleet)
  Object.assign(fleet.load, { queued: 15, oldestQueuedSeconds: 30 })
  await first!.beat({ sessions: 10 })
  fleet.clock.advance(60)
  assert.deepEqual(await round(fleet), ['launch 2'])
  assert.deepEqual(await round(fleet), [])
  const [second, third] = await joinAll(fleet)
  Object.assign(fleet.load, { queued: 0, oldestQueuedSeconds: 0 })
  fleet.clock.advance(3600)
  for (const one of [first, second, third]) await one!.beat()
  assert.deepEqual(await round(fleet), ['drain', 'drain'])
  assert.deepEqual(await round(fleet), [])
  const told = [await first!.beat(), await second!.beat(), await third!.beat()]
  assert.equal(told.filter(({ drain }) => drain).length, 2)
  for (const [index, one] of [first, second, third].entries()) {
    await one!.beat({ draining: told[index]!.drain })
  }
  assert.deepEqual(await round(fleet), ['terminate', 'terminate'])
  assert.equal(fleet.cloud.alive.length, 1)
  assert.deepEqual((await statuses(fleet)).toSorted(), ['running', 'terminated', 'terminated'])
  const { machines } = (await fleet.request('GET', '/api/v1/fleet/pool')).body
  assert.deepEqual([machines.ready, machines.draining, machines.provisioning], [1, 0, 0])
})

test('of two rounds at once one acts', async () => {
  await using fleet = await openTestFleet()
  await pool(fleet, { min: 3 })
  const both = await Promise.all([
    reconcile(fleet.ctx, fleet.fleet),
    reconcile(fleet.ctx, fleet.fleet),
  ])
  assert.equal((await rows(fleet)).length, 3)
  assert.ok(both.flat().length <= 2)
})

test('a control plane that has lost its rows adopts what runs, and ends none of it', async () => {
  await using fleet = await openTestFleet()
  const instanceId = 'ins_06f3k9w2m4qz7x8y1v5t0r6n3b'
  fleet.cloud.add({ providerId: 'i-1', instanceId, purpose: 'pool', privateIpAddress: '10.0.0.7' })
  fleet.cloud.add({ providerId: 'i-2', purpose: 'manual', tags: { team: 'x', 'gantry:a': 'b' } })
  fleet.cloud.add({ providerId: 'i-3', instanceId: 'ins_gone', state: 'gone' })
  await pool(fleet, { min: 2, max: 2 })
  assert.deepEqual(await round(fleet), ['launch 1'])
  const all = await rows(fleet)
  const adopted = all.find(({ id }) => id === instanceId)
  const others = all.filter(({ id }) => id !== instanceId)
  assert.deepEqual(
    [
      adopted!.id,
      adopted!.providerId,
      adopted!.purpose,
      adopted!.status,
      adopted!.privateIpAddress,
    ],
    [instanceId, 'i-1', 'pool', 'running', '10.0.0.7'],
  )
  assert.deepEqual(others.find(({ providerId }) => providerId === 'i-2')!.tags, { team: 'x' })
  assert.equal(others.length, 2)
  assert.equal(fleet.cloud.alive.length, 3)
})

test('a launch that was cut off between the row and the call is done by a later round, once', async () => {
  await using fleet = await openTestFleet()
  await pool(fleet, { min: 1 })
  await reconcile(fleet.ctx, fleet.fleet)
  const [{ id } = { id: '' }] = await rows(fleet)
  fleet.cloud.loseAnswer = true
  await assert.rejects(fleet.perform('launch', id), ProviderFailure)
  assert.deepEqual(await reconcile(fleet.ctx, fleet.fleet), [])
  const [row] = await rows(fleet)
  assert.deepEqual([row!.status, row!.providerId], ['running', fleet.cloud.alive[0]!.providerId])
  await fleet.perform('launch', id)
  assert.equal(fleet.cloud.alive.length, 1)
})

test('a machine that somebody ended outside is ended here too; one that the list has not yet is waited for', async () => {
  await using fleet = await openTestFleet()
  await pool(fleet, { min: 2 })
  await round(fleet)
  await round(fleet)
  const [gone, missing] = fleet.cloud.alive
  await fleet.cloud.terminate(gone!)
  fleet.cloud.machines.delete(missing!.providerId)
  await reconcile(fleet.ctx, fleet.fleet)
  const byId = async (providerId: string) =>
    (await rows(fleet)).find((row) => row.providerId === providerId)!.status
  assert.equal(await byId(gone!.providerId), 'terminated')
  assert.equal(await byId(missing!.providerId), 'running')
  fleet.clock.advance(61)
  await reconcile(fleet.ctx, fleet.fleet)
  assert.equal(await byId(missing!.providerId), 'running')
  fleet.clock.advance(61)
  await reconcile(fleet.ctx, fleet.fleet)
  assert.equal(await byId(missing!.providerId), 'terminated')
})

test('sessions on a machine that was ended outside are ended; a machine that beats is not missed', async () => {
  await using fleet = await openTestFleet()
  await pool(fleet, { min: 2 })
  await round(fleet)
  const [first, second] = await joinAll(fleet)
  fleet.clock.advance(600)
  const [gone, hidden] = fleet.cloud.alive
  await fleet.cloud.terminate(gone!)
  fleet.cloud.machines.delete(hidden!.providerId)
  for (let look = 0; look < 3; look++) {
    await reconcile(fleet.ctx, fleet.fleet)
    fleet.clock.advance(61)
  }
  assert.deepEqual(await fleet.jobsOf('fleet.end_sessions'), [first!.node.id])
  await fleet.perform('endSessions', first!.node.id)
  assert.deepEqual(fleet.ended, [first!.node.instanceId])
  assert.ok((await getNode(fleet.ctx, second!.node.id)).url)
})

test('while the provider cannot be listed nothing is launched and nothing counts as missing', async () => {
  await using fleet = await openTestFleet()
  await pool(fleet, { min: 1 })
  await round(fleet)
  await pool(fleet, { min: 3 })
  fleet.cloud.failList = new ProviderFailure('unavailable', 'EC2 is away')
  fleet.clock.advance(600)
  assert.ok(!(await round(fleet)).some((action) => action.startsWith('launch')))
  fleet.clock.advance(600)
  await round(fleet)
  assert.ok((await rows(fleet)).every(({ missingSince }) => missingSince === null))
})

test('a machine that was terminated and runs all the same is ended again', async () => {
  await using fleet = await openTestFleet()
  await pool(fleet, { min: 1 })
  await round(fleet)
  const [{ id } = { id: '' }] = await rows(fleet)
  await fleet.kernel.db
    .updateTable('fleetInstances')
    .set({ status: 'terminated', endedAt: fleet.clock.now() })
    .where('id', '=', id)
    .execute()
  await reconcile(fleet.ctx, fleet.fleet)
  await fleet.perform('terminate', id)
  assert.ok(!fleet.cloud.alive.some(({ instanceId }) => instanceId === id))
})

test('launches that fail are repeated ever more slowly', async () => {
  await using fleet = await openTestFleet()
  await pool(fleet, { min: 1 })
  fleet.cloud.failLaunch = new ProviderFailure('capacity', 'EC2: none left')
  let launches = 0
  for (let minute = 0; minute < 60; minute++) {
    const actions = await round(fleet)
    launches += actions.filter((action) => action.startsWith('launch')).length
    fleet.clock.advance(60)
  }
  assert.ok(launches >= 4 && launches <= 9, `${launches} launches in an hour`)
  assert.ok((await fleet.kinds()).includes('instance.error'))
  fleet.cloud.failLaunch = undefined
  fleet.clock.advance(15 * 60)
  await round(fleet)
  await round(fleet)
  assert.equal(fleet.cloud.alive.length, 1)
})

test('a node that died is replaced, with its machine', async () => {
  await using fleet = await openTestFleet()
  await pool(fleet, { min: 1 })
  await round(fleet)
  const [only] = await joinAll(fleet)
  fleet.clock.advance(3600)
  await only!.beat({ sessions: 4 })
  await fleet.kernel.db.updateTable('fleetNodes').set({ goneAt: fleet.clock.now() }).execute()
  assert.deepEqual(await round(fleet), ['launch 1'])
  fleet.clock.advance(120)
  assert.deepEqual(await round(fleet), ['terminate'])
  assert.equal(fleet.cloud.alive.length, 1)
})
