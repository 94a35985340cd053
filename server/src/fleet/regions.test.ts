import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProviderFailure } from './providers/provider.ts'
import { reconcile } from './reconcile.ts'
import { openTestFleet, type TestFleet } from './test-support.ts'

const INSTANCES = '/api/v1/fleet/instances'
const AWAY = 'us-east-1'

async function launch(fleet: TestFleet, body: object, path = INSTANCES) {
  const { status, body: instance } = await fleet.request('POST', path, body)
  assert.equal(status, 202, JSON.stringify(instance))
  await fleet.perform('launch', instance.id)
  return instance
}

const show = async (fleet: TestFleet, id: string) =>
  (await fleet.request('GET', `${INSTANCES}/${id}`)).body

test('a machine is launched in the region that is asked for, or the usual one', async () => {
  await using fleet = await openTestFleet()
  const usual = await launch(fleet, {})
  const away = await launch(fleet, { region: AWAY }, '/api/v1/ec2/instances')
  assert.deepEqual([usual.region, away.region], ['eu-central-1', AWAY])
  assert.deepEqual(
    fleet.cloud.launches.map(({ region }) => region),
    ['eu-central-1', AWAY],
  )
  for (const path of [INSTANCES, '/api/v1/ec2/instances']) {
    const { status, body } = await fleet.request('POST', path, { region: 'moon-1' })
    assert.deepEqual([status, body.code], [422, 'fleet.unknown_region'])
    assert.match(body.detail, /ec2 has no region moon-1; .*: eu-central-1, us-east-1\./)
  }
})

test('machines of a region that cannot be listed keep their state; those of the others do not', async () => {
  await using fleet = await openTestFleet()
  const near = await launch(fleet, {})
  const far = await launch(fleet, { region: AWAY })
  const restarting = await launch(fleet, { region: AWAY })
  await reconcile(fleet.ctx, fleet.fleet)
  fleet.cloud.machines.delete((await show(fleet, near.id)).instanceId)
  const { instanceId } = await show(fleet, far.id)
  fleet.cloud.silent.add(AWAY)
  for (let round = 0; round < 4; round++) {
    fleet.clock.advance(61)
    await reconcile(fleet.ctx, fleet.fleet)
  }
  assert.equal((await show(fleet, near.id)).status, 'terminated')
  assert.equal((await show(fleet, far.id)).status, 'running')
  await fleet.request('POST', `${INSTANCES}/${restarting.id}/restart`)
  await fleet.perform('restart', restarting.id)
  assert.deepEqual(
    fleet.cloud.restarts.map(({ region }) => region),
    [AWAY],
  )
  fleet.cloud.silent.clear()
  await fleet.cloud.terminate({ providerId: instanceId })
  await reconcile(fleet.ctx, fleet.fleet)
  assert.equal((await show(fleet, far.id)).status, 'terminated')
})

test('a launch whose answer was lost is not given up as ended while its region cannot be listed', async () => {
  await using fleet = await openTestFleet()
  const { body } = await fleet.request('POST', INSTANCES, { region: AWAY })
  fleet.cloud.loseAnswer = true
  await assert.rejects(fleet.perform('launch', body.id), ProviderFailure)
  fleet.cloud.silent.add(AWAY)
  await fleet.request('DELETE', `${INSTANCES}/${body.id}`)
  await assert.rejects(fleet.perform('terminate', body.id), /us-east-1 cannot be listed/)
  assert.equal((await show(fleet, body.id)).status, 'stopping')
  fleet.cloud.silent.clear()
  await fleet.perform('terminate', body.id)
  assert.deepEqual(fleet.cloud.alive, [])
  assert.equal((await show(fleet, body.id)).status, 'terminated')
})

test('the pool launches where and what its settings say, when that region answers', async () => {
  await using fleet = await openTestFleet()
  const put = (settings: object) => fleet.request('PUT', '/api/v1/fleet/pool', settings)
  const wrong = await put({ max: 2, region: 'moon-1' })
  assert.deepEqual([wrong.status, wrong.body.code], [422, 'fleet.unknown_region'])
  const missing = await put({ max: 2, provider: 'kubernetes', region: AWAY })
  assert.deepEqual([missing.status, missing.body.code], [409, 'fleet.provider_missing'])
  const { body } = await put({ min: 1, max: 2, region: AWAY, instanceType: 'c7i.large' })
  assert.deepEqual([body.region, body.instanceType], [AWAY, 'c7i.large'])
  fleet.cloud.silent.add(AWAY)
  assert.deepEqual(await reconcile(fleet.ctx, fleet.fleet), [])
  fleet.cloud.silent.clear()
  fleet.cloud.silent.add('eu-central-1')
  assert.deepEqual(await reconcile(fleet.ctx, fleet.fleet), [{ kind: 'launch', count: 1 }])
  const { items } = (await fleet.request('GET', INSTANCES)).body
  await fleet.perform('launch', items[0].id)
  const { region, instanceType } = fleet.cloud.launches[0]!
  assert.deepEqual([region, instanceType], [AWAY, 'c7i.large'])
})

test('what a launch leaves open is as the acting user prefers it', async () => {
  await using fleet = await openTestFleet()
  Object.assign(fleet.preferences, {
    ...{ preferredRegion: AWAY, instanceType: 'm7i.large' },
    ...{ terminateWhenIdle: true, idleTimeoutMinutes: 7 },
  })
  const kept = ({ region, instanceType, terminateAfterIdleMinutes }: Record<string, unknown>) => [
    ...[region, instanceType, terminateAfterIdleMinutes],
  ]
  assert.deepEqual(kept(await launch(fleet, {})), [AWAY, 'm7i.large', 7])
  const own = { region: 'eu-central-1', instanceType: 'c7i.large', terminateWhenIdle: false }
  assert.deepEqual(kept(await launch(fleet, own)), ['eu-central-1', 'c7i.large', undefined])
  fleet.preferences.preferredRegion = 'eu-west-3'
  assert.deepEqual(kept(await launch(fleet, {})), ['eu-central-1', 'm7i.large', 7])
})
