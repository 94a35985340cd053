import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ProviderFailure } from './providers/provider.ts'
import { openTestFleet } from './test-support.ts'

const fleet = await openTestFleet()
after(() => fleet[Symbol.asyncDispose]())
const { cloud, request } = fleet
const INSTANCES = '/api/v1/fleet/instances'

async function launch(body: unknown = {}) {
  const { status, body: instance } = await request('POST', INSTANCES, body)
  assert.equal(status, 202, JSON.stringify(instance))
  return instance
}

const show = async (id: string) => (await request('GET', `${INSTANCES}/${id}`)).body

test('a launch answers at once, and a worker makes the machine', async () => {
  const body = { instanceType: 'c7i.large', tags: { team: 'search' }, spot: true }
  const made = await launch(body)
  assert.deepEqual([made.status, made.instanceId, made.spot], ['provisioning', undefined, true])
  assert.deepEqual(await fleet.jobsOf('fleet.launch_instance'), [made.id])
  await fleet.perform('launch', made.id)
  const machine = cloud.alive.find(({ instanceId }) => instanceId === made.id)!
  const shown = await show(made.id)
  assert.equal(shown.instanceId, machine.providerId)
  const { spot, tags, instanceType } = cloud.launches.at(-1)!
  assert.deepEqual({ spot, tags, instanceType }, body)
  assert.deepEqual(
    (await request('GET', `/api/v1/ec2/instances/${machine.providerId}`)).body,
    shown,
  )
})

test('a launch that runs twice, or whose answer was lost, makes one machine', async () => {
  const { id } = await launch()
  const before = cloud.alive.length
  cloud.loseAnswer = true
  await assert.rejects(fleet.perform('launch', id), ProviderFailure)
  assert.equal((await show(id)).status, 'provisioning')
  await fleet.perform('launch', id, 1)
  await fleet.perform('launch', id, 1)
  assert.equal(cloud.alive.length, before + 1)
  const tokens = cloud.launches.slice(-2).map(({ joinToken }) => joinToken)
  assert.equal(tokens[0], tokens[1])
})

test('a launch that was refused is an error with the reason; throttling is tried again and then one too', async () => {
  const { id } = await launch()
  cloud.failLaunch = new ProviderFailure('throttled', 'EC2: RequestLimitExceeded')
  await assert.rejects(fleet.perform('launch', id, 0), /RequestLimitExceeded/)
  assert.equal((await show(id)).status, 'provisioning')
  await fleet.perform('launch', id, 8)
  const late = await show(id)
  assert.deepEqual([late.status, late.healthStatus], ['error', 'unhealthy'])
  const second = await launch()
  cloud.failLaunch = new ProviderFailure('capacity', 'EC2: InsufficientInstanceCapacity: none')
  await fleet.perform('launch', second.id)
  cloud.failLaunch = undefined
  const { status, errorMessage } = await show(second.id)
  assert.deepEqual([status, errorMessage], ['error', 'EC2: InsufficientInstanceCapacity: none'])
  assert.equal((await request('DELETE', `${INSTANCES}/${second.id}`)).status, 202)
  await fleet.perform('terminate', second.id)
  assert.equal((await show(second.id)).status, 'terminated')
})

test('a machine is ended by our id or the provider’s, its sessions first', async () => {
  const { id } = await launch()
  await fleet.perform('launch', id)
  const { instanceId } = await show(id)
  const deleted = await request('DELETE', `/api/v1/ec2/instances/${instanceId}`)
  assert.deepEqual([deleted.status, deleted.body.status], [202, 'stopping'])
  assert.equal((await request('DELETE', `${INSTANCES}/${id}`)).body.status, 'stopping')
  await fleet.perform('terminate', id)
  assert.ok(fleet.ended.includes(id))
  assert.equal(cloud.machines.get(instanceId)!.state, 'gone')
  assert.equal((await show(id)).status, 'terminated')
  const again = await request('DELETE', `${INSTANCES}/${id}`)
  assert.deepEqual([again.status, again.body.code], [409, 'fleet.wrong_state'])
})

test('a machine that was deleted while it was launched is ended too', async () => {
  const { id } = await launch()
  await request('DELETE', `${INSTANCES}/${id}`)
  await fleet.perform('launch', id)
  assert.ok(!cloud.alive.some(({ instanceId }) => instanceId === id))
  const third = await launch()
  cloud.meanwhile = () => request('DELETE', `${INSTANCES}/${third.id}`)
  await fleet.perform('launch', third.id)
  cloud.meanwhile = undefined
  assert.ok(
    (await fleet.jobsOf('fleet.terminate_instance')).filter((one) => one === third.id).length > 1,
  )
  await fleet.perform('terminate', third.id)
  assert.ok(!cloud.alive.some(({ instanceId }) => instanceId === third.id))
  const second = await launch()
  cloud.loseAnswer = true
  await assert.rejects(fleet.perform('launch', second.id))
  await request('DELETE', `${INSTANCES}/${second.id}`)
  await fleet.perform('terminate', second.id)
  assert.ok(!cloud.alive.some(({ instanceId }) => instanceId === second.id))
})

test('only a machine that runs is restarted, and then by a job', async () => {
  const { id } = await launch()
  const early = await request('POST', `${INSTANCES}/${id}/restart`)
  assert.deepEqual([early.status, early.body.code], [409, 'fleet.wrong_state'])
  await fleet.perform('launch', id)
  await fleet.kernel.db
    .updateTable('fleetInstances')
    .set({ status: 'running' })
    .where('id', '=', id)
    .execute()
  assert.equal((await request('POST', `/api/v1/ec2/instances/${id}/restart`)).status, 202)
  assert.deepEqual(await fleet.jobsOf('fleet.restart_instance'), [id])
  await fleet.perform('restart', id)
})

test('the status asks the provider now, and does without it when it does not answer', async () => {
  const { id } = await launch()
  await fleet.perform('launch', id)
  const { instanceId } = await show(id)
  cloud.add({ ...cloud.machines.get(instanceId)!, health: 'unhealthy' })
  const { body } = await request('GET', `${INSTANCES}/${id}/status`, undefined, 'bob')
  assert.deepEqual(
    [body.providerStatus, body.providerHealth, body.healthStatus],
    ['running', 'unhealthy', 'unhealthy'],
  )
})

test('a machine is assigned to a user who exists', async () => {
  const idle = { terminateWhenIdle: true, idleTimeoutMinutes: 15 }
  const made = await launch({ assignedToUserId: 'usr_bob', ...idle })
  assert.deepEqual([made.assignedToUserId, made.terminateAfterIdleMinutes], ['usr_bob', 15])
  const { items } = (await request('GET', `${INSTANCES}?assignedToUserId=usr_bob`)).body
  assert.deepEqual(
    items.map(({ id }: { id: string }) => id),
    [made.id],
  )
  const nobody = await request('POST', INSTANCES, { assignedToUserId: 'usr_nobody' })
  assert.deepEqual([nobody.status, nobody.body.code], [422, 'fleet.unknown_user'])
})

test('a user sees the machines that are assigned to them, and no others', async () => {
  const own = await launch({ assignedToUserId: 'usr_cid' })
  const other = await launch({ assignedToUserId: 'usr_bob' })
  const seen = async (query: string) => {
    const { status, body } = await request('GET', `${INSTANCES}${query}`, undefined, 'cid')
    return status === 200 && 'items' in body
      ? body.items.map(({ id }: { id: string }) => id)
      : [status, body.code ?? body.id]
  }
  assert.deepEqual(await seen(''), [own.id])
  assert.deepEqual(await seen('?assignedToUserId=usr_bob'), [])
  assert.deepEqual(await seen(`/${own.id}`), [200, own.id])
  assert.deepEqual(await seen(`/${other.id}`), [404, 'fleet.instance_not_found'])
  assert.deepEqual(await seen(`/${own.id}/status`), [403, 'auth.forbidden'])
  await fleet.perform('launch', other.id)
  const { instanceId } = await show(other.id)
  assert.deepEqual(await seen(`/${instanceId}`), [404, 'fleet.instance_not_found'])
  for (const path of ['', `/${own.id}`]) {
    assert.equal((await request('GET', INSTANCES + path, undefined, 'eve')).status, 403)
    assert.equal((await fleet.server.request('GET', INSTANCES + path)).status, 401)
  }
  assert.equal((await request('DELETE', `${INSTANCES}/${own.id}`, undefined, 'cid')).status, 403)
})

test('what may not be asked for is refused, with the reason', async () => {
  const code = async (body: unknown, as = 'ann') => {
    const answer = await request('POST', INSTANCES, body, as)
    return [answer.status, answer.body.code]
  }
  assert.deepEqual(await code({ provider: 'kubernetes' }), [409, 'fleet.provider_missing'])
  assert.deepEqual(await code({ tags: { 'gantry:managed': 'x' } }), [400, 'request.invalid'])
  assert.deepEqual(await code({ tags: { 'aws:x': 'x' } }), [400, 'request.invalid'])
  assert.deepEqual(await code({ instanceType: '; rm -rf' }), [400, 'request.invalid'])
  assert.deepEqual(await code({}, 'bob'), [403, 'auth.forbidden'])
  assert.equal((await request('GET', INSTANCES, undefined, 'eve')).status, 403)
  const unknown = await request('GET', '/api/v1/ec2/instances/i-00000000000000bad')
  assert.deepEqual([unknown.status, unknown.body.code], [404, 'fleet.instance_not_found'])
})

test('a launch with an idempotency key is made once', async () => {
  const send = () =>
    fleet.server.request('POST', INSTANCES, {
      ...{ as: 'ann', body: {} },
      headers: { 'idempotency-key': 'one-machine' },
    })
  const [first, second] = [await send(), await send()]
  assert.deepEqual([first.status, second.status], [202, 202])
  assert.equal(second.body.id, first.body.id)
})

test('instances are listed a page at a time, the newest first, by status and provider', async () => {
  const ids: string[] = []
  let cursor: string | null = null
  do {
    const page: { items: { id: string }[]; nextCursor: string | null } = (
      await request('GET', `${INSTANCES}?limit=3${cursor ? `&cursor=${cursor}` : ''}`)
    ).body
    ids.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor
  } while (cursor)
  assert.deepEqual(ids, ids.toSorted().reverse())
  assert.ok(ids.length > 8)
  const ended = (await request('GET', `${INSTANCES}?status=terminated`)).body.items
  assert.ok(ended.length >= 2)
  assert.equal((await request('GET', `${INSTANCES}?provider=local`)).body.items.length, 0)
  assert.equal((await request('GET', '/api/v1/ec2/instances?provider=local')).status, 400)
})

test('of two changes of the pool that were read at once, one is made', async () => {
  const POOL = '/api/v1/fleet/pool'
  const { body: read } = await request('GET', POOL, undefined, 'bob')
  assert.deepEqual([read.min, read.max, read.provider], [0, 0, 'ec2'])
  const put = (change: object) => request('PUT', POOL, { ...read, ...change })
  const answers = await Promise.all([put({ max: 4 }), put({ max: 6 })])
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 409])
  const wrong = await put({ min: 9, max: 2 })
  assert.deepEqual([wrong.status, wrong.body.errors[0].path], [400, 'body.min'])
  assert.equal((await request('PUT', POOL, { max: 2 }, 'bob')).status, 403)
  assert.ok((await fleet.kinds()).includes('pool.changed'))
})
