import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { type Person, startApp } from '#test/app.ts'
import { addTunnel } from './test-support.ts'

const app = await startApp({ env: { TUNNEL_PORTS: '31100-31199' } })
after(() => app[Symbol.asyncDispose]())
const root = await app.superAdmin()
const limits = { free: 2, premium: 3, enterprise: 100 }
await root.put('/v1/admin/config', {
  'tunnels.tcp_per_account': limits,
  'tunnels.domains_per_account': limits,
})

async function quota(person: Person, name: string) {
  const { body } = await person.get('/v1/quotas')
  const { used, limit } = body.items.find((one: { name: string }) => one.name === name)
  return [used, limit]
}

test('the tier says how many ports an account may have, and a higher one gives more', async () => {
  const ann = await app.person('ann')
  const make = () => ann.post('/v1/tunnels', { kind: 'tcp' })
  const made = await Promise.all([make(), make(), make()])
  assert.deepEqual(made.map(({ status }) => status).toSorted(), [201, 201, 409])
  const refused = made.find(({ status }) => status === 409)!
  assert.equal(refused.body.code, 'tunnel.tcp_limit_reached')
  assert.match(refused.body.detail, /2 TCP tunnels/)
  await addTunnel(ann, { kind: 'http' })
  assert.deepEqual(await quota(ann, 'tunnels.tcp'), [2, 2])
  assert.deepEqual(await quota(ann, 'tunnels.existing'), [3, 100])

  const path = `/v1/admin/users/${ann.userId}/tier`
  assert.equal((await root.put(path, { tier: 'premium' })).status, 200)
  assert.deepEqual(await quota(ann, 'tunnels.tcp'), [2, 3])
  assert.equal((await make()).status, 201)
  assert.equal((await make()).status, 409)
})

test('claims of domains that come at once, for several tunnels, do not pass the limit together', async () => {
  const ann = await app.person('ann')
  const tunnels = await Promise.all([1, 2, 3, 4].map(() => addTunnel(ann, {})))
  const claims = await Promise.all(
    tunnels.map(({ id }) =>
      ann.post(`/v1/tunnels/${id}/domains`, { hostname: `${app.unique('d')}.example` }),
    ),
  )
  assert.deepEqual(claims.map(({ status }) => status).toSorted(), [201, 201, 409, 409])
  const codes = claims.filter(({ status }) => status === 409).map(({ body }) => body.code)
  assert.deepEqual(codes, Array(2).fill('tunnel.domain_limit_reached'))
  assert.deepEqual(await quota(ann, 'tunnels.domains'), [2, 2])
  const at = claims.findIndex(({ status }) => status === 201)
  const gone = await ann.delete(`/v1/tunnels/${tunnels[at].id}/domains/${claims[at]!.body.id}`)
  assert.equal(gone.status, 204)
  await eventually('there is room', async () => (await quota(ann, 'tunnels.domains'))[0] === 1)
})
