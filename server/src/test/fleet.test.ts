import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startApp } from './app.ts'

const INSTANCES = '/v1/fleet/instances'
const app = await startApp({
  env: {
    ...{ EC2_REGIONS: 'eu-central-1,us-east-1', EC2_LAUNCH_TEMPLATE: 'gantry-node' },
    // Nobody is there: what is launched stays as it was asked for.
    ...{ EC2_ENDPOINT: 'http://127.0.0.1:9', AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x' },
  },
})
after(() => app[Symbol.asyncDispose]())

test('a person sees the machine that an operator gives them, launched as the operator prefers', async () => {
  const [root, ann, bob] = [await app.superAdmin(), await app.person(), await app.person()]
  const ec2Preferences = { preferredRegion: 'us-east-1', instanceType: 'c7i.large' }
  assert.equal((await root.put('/v1/users/settings', { ec2Preferences })).status, 200)
  const made = await root.post('/v1/ec2/instances', { assignedToUserId: ann.userId })
  assert.equal(made.status, 202, JSON.stringify(made.body))
  const { id, region, instanceType } = made.body
  assert.deepEqual([region, instanceType], ['us-east-1', 'c7i.large'])
  const idsOf = async (person: typeof ann) =>
    (await person.get(INSTANCES)).body.items.map((one: { id: string }) => one.id)
  assert.deepEqual([await idsOf(ann), await idsOf(bob)], [[id], []])
  assert.ok((await idsOf(root)).includes(id))
  assert.equal((await ann.get(`${INSTANCES}/${id}`)).body.assignedToUserId, ann.userId)
  const foreign = await bob.get(`${INSTANCES}/${id}`)
  assert.deepEqual([foreign.status, foreign.body.code], [404, 'fleet.instance_not_found'])
  assert.equal((await ann.delete(`${INSTANCES}/${id}`)).status, 403)
  const nobody = await root.post('/v1/ec2/instances', { assignedToUserId: 'usr_nobody' })
  assert.deepEqual([nobody.status, nobody.body.code], [422, 'fleet.unknown_user'])
})

test('a key sees what its scopes and its maker may see', async () => {
  const ann = await app.person()
  const keyed = async (scopes: string[]) => {
    const { body } = await ann.post('/v1/api-keys', { name: app.unique('key'), scopes })
    return app.request('GET', INSTANCES, { headers: { authorization: `Bearer ${body.key}` } })
  }
  assert.deepEqual((await keyed(['sessions.read'])).body.items, [])
  const other = await keyed(['sessions.write'])
  assert.deepEqual([other.status, other.body.code], [403, 'auth.forbidden'])
})

test('where LOCAL_NODES is off no node process is started', async () => {
  const root = await app.superAdmin()
  const { status, body } = await root.post(INSTANCES, { provider: 'local' })
  assert.deepEqual([status, body.code], [409, 'fleet.provider_refuses'])
  assert.match(body.detail, /LOCAL_NODES is off/)
})
