import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sha256 } from '#kernel/crypto.ts'
import { eventually } from '#kernel/test-support.ts'
import { addMember, forAccount, found } from '#test/accounts.ts'
import { type Person, startApp } from '#test/app.ts'
import { changedSince, findTunnel } from './index.ts'
import { addTunnel, partsOf, runAgent } from './test-support.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const ctx = app.app.systemContext()
const parts = partsOf(app)

async function share(owner: Person, tunnelId: string, body: object) {
  const answer = await owner.post(`/v1/tunnels/${tunnelId}/shares`, body)
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body
}

async function grantsOf(tunnelId: string) {
  return (await findTunnel(ctx, parts, { tunnelId }))!.spec.access.grants
}

/** What each kind of call says to the person. */
async function tries(person: Person, id: string): Promise<number[]> {
  const answers = [
    await person.get(`/v1/tunnels/${id}`),
    await person.patch(`/v1/tunnels/${id}`, { config: { queueSeconds: 3 } }),
    await person.put(`/v1/tunnels/${id}/access`, { policy: 'members' }),
    await person.get(`/v1/tunnels/${id}/shares`),
    await person.delete(`/v1/tunnels/${id}`),
  ]
  return answers.map(({ status }) => status)
}

test('a share opens what its permission says, and nothing once it is taken back', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const { id } = await addTunnel(ann, {})
  assert.deepEqual(await tries(bob, id), [404, 404, 404, 404, 404])
  const wanted = { use: [404, 404], read: [200, 404], manage: [200, 200] }
  for (const [permission, [get, patch]] of Object.entries(wanted)) {
    const made = await share(ann, id, { kind: 'user', userId: bob.userId, permission })
    const [item] = (await bob.get('/v1/shared-tunnels')).body.items
    assert.deepEqual([item.id, item.permission, item.config], [id, permission, undefined])
    const refused = permission === 'manage' ? 403 : 404
    assert.deepEqual(await tries(bob, id), [get, patch, refused, 404, 404], permission)
    assert.equal((await ann.delete(`/v1/tunnels/${id}/shares/${made.id}`)).status, 204)
    assert.deepEqual((await bob.get('/v1/shared-tunnels')).body.items, [])
  }
  assert.deepEqual(await tries(bob, id), [404, 404, 404, 404, 404])
  assert.deepEqual((await bob.get('/v1/tunnels')).body.items, [])
})

test('who may manage what was shared with them does not say who may come, by basic authentication neither', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const { id } = await addTunnel(ann, {})
  const basicAuth = { username: 'shop', password: 'violet tractor nine' }
  const path = `/v1/tunnels/${id}`
  assert.equal((await ann.patch(path, { config: { basicAuth } })).status, 200)
  await share(ann, id, { kind: 'user', userId: bob.userId, permission: 'manage' })
  const { body: read } = await bob.get(`${path}/config`)
  const { basicAuth: _basicAuth, ...without } = read
  const tried = [
    await bob.patch(path, { config: { basicAuth: null } }),
    await bob.patch(path, { config: { basicAuth: { ...basicAuth, password: 'bob knows this' } } }),
    await bob.put(`${path}/config`, without),
  ]
  assert.deepEqual(
    tried.map(({ status, body }) => [status, body.code]),
    tried.map(() => [403, 'tunnel.owner_only']),
  )
  const changed = await bob.patch(path, { config: { queueSeconds: 3 } })
  assert.deepEqual([changed.status, changed.body.config.basicAuth.username], [200, 'shop'])
})

test('a TCP tunnel is shared with people, not by a secret that its visitors cannot show', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const { id } = await addTunnel(ann, { kind: 'tcp' })
  for (const kind of ['link', 'token']) {
    const { status, body } = await ann.post(`/v1/tunnels/${id}/shares`, { kind })
    assert.deepEqual([status, body.code], [422, 'tunnel.setting_unfit'], kind)
  }
  await share(ann, id, { kind: 'user', userId: bob.userId, permission: 'manage' })
  assert.deepEqual((await grantsOf(id)).length, 1)
})

test('a share by address counts for whoever proves it, also later, and tells nobody whose it is', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob', { verified: false })]
  const { id } = await addTunnel(ann, {})
  const email = bob.email.toUpperCase()
  const known = await share(ann, id, { kind: 'user', email, permission: 'read' })
  const unknown = await share(ann, id, { kind: 'user', email: 'nobody@example.test' })
  assert.deepEqual(Object.keys(known).sort(), Object.keys(unknown).sort())
  assert.equal((await bob.get(`/v1/tunnels/${id}`)).status, 404)
  await ctx.db
    .updateTable('users')
    .set({ emailVerified: true })
    .where('id', '=', bob.userId)
    .execute()
  assert.equal((await bob.get(`/v1/tunnels/${id}`)).status, 200)
  const twice = await ann.post(`/v1/tunnels/${id}/shares`, { kind: 'user', email: bob.email })
  assert.deepEqual([twice.status, twice.body.code], [409, 'tunnel.share_exists'])
})

test('a share with an account is for whoever acts for it, and to manage it is to hold it open too', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const accountId = await found(bob, app.unique('team'))
  const { id } = await addTunnel(ann, {})
  await share(ann, id, { kind: 'account', accountId, permission: 'manage' })
  assert.equal((await bob.get(`/v1/tunnels/${id}`)).status, 404)
  assert.equal((await bob.get(`/v1/tunnels/${id}`, forAccount(accountId))).status, 200)
  const body = { label: 'x', version: '1', tunnels: [id] }
  assert.equal((await bob.post('/v1/tunnel-agents', body)).status, 404)
  const run = await bob.post('/v1/tunnel-agents', body, forAccount(accountId))
  assert.equal(run.status, 200)
  const none = await ann.post(`/v1/tunnels/${id}/shares`, { kind: 'account', accountId: 'acc_x' })
  assert.deepEqual([none.status, none.body.code], [422, 'tunnel.grantee_unknown'])
})

test('the secret of a token or a link is shown once; relays know its digest until it is taken back', async () => {
  const ann = await app.person('ann')
  const { id, url } = await addTunnel(ann, {})
  const token = await share(ann, id, { kind: 'token', label: 'CI' })
  const link = await share(ann, id, { kind: 'link', expiresInSeconds: 3600 })
  const secret = new URL(link.url).searchParams.get('gantry_link')!
  assert.ok(link.url.startsWith(`${url}/?`))
  const wanted = [token.token, secret].map((text: string) => sha256(text).toString('base64url'))
  const grants = await grantsOf(id)
  assert.deepEqual(grants.map(({ secretHash }) => secretHash).sort(), wanted.sort())
  assert.equal(grants.find(({ id }) => id === link.id)?.expiresAtMs, Date.parse(link.expiresAt))
  const listed = JSON.stringify((await ann.get(`/v1/tunnels/${id}/shares`)).body)
  const told = JSON.stringify(
    await ctx.db.selectFrom('events').select('data').where('target', '=', id).execute(),
  )
  for (const text of [listed, told]) {
    assert.ok(!text.includes(token.token) && !text.includes(secret))
  }
  const { revision } = await changedSince(ctx, parts, 0, [id])
  await ann.delete(`/v1/tunnels/${id}/shares/${token.id}`)
  const news = await changedSince(ctx, parts, revision, [id])
  assert.deepEqual(
    news.specs[0]?.access.grants.map((grant) => grant.id),
    [link.id],
  )
})

test('whoever waits for news of tunnels is woken by a revocation, in every process', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, {})
  const { id: shareId } = await share(ann, id, { kind: 'token' })
  let rings = 0
  using _answer = { [Symbol.dispose]: app.app.onTunnelNews(() => rings++) }
  await eventually('the connection that listens', () => rings > 0)
  const before = rings
  await ann.delete(`/v1/tunnels/${id}/shares/${shareId}`)
  await eventually('the ring', () => rings > before)
})

test('when access changes, or a member goes, everybody who was let in has to ask again', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const accountId = await found(ann, app.unique('team'))
  await addMember(app, accountId, bob, 'member')
  const inTeam = forAccount(accountId)
  const { body: tunnel } = await ann.post('/v1/tunnels', { access: { policy: 'members' } }, inTeam)
  const generation = async () =>
    (await findTunnel(ctx, parts, { tunnelId: tunnel.id }))!.spec.access.generation
  const first = await generation()
  const path = `/v1/tunnels/${tunnel.id}/access`
  await ann.put(path, { policy: 'members' }, inTeam)
  assert.equal(await generation(), first, 'nothing has changed')
  await ann.delete(`/v1/accounts/${accountId}/members/${bob.userId}`)
  await eventually('the cut', async () => (await generation()) > first)
  const second = await generation()
  await ann.put(path, { policy: 'addresses', addresses: ['10.0.0.0/8', '2001:db8::/32'] }, inTeam)
  assert.equal(await generation(), second + 1)
  const wrong = [
    { policy: 'addresses', addresses: [] },
    { policy: 'addresses', addresses: ['10.0.0.0/33'] },
    { policy: 'everyone' },
  ]
  for (const body of wrong) assert.equal((await ann.put(path, body, inTeam)).status, 400)
})

test('an expired share opens nothing', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const { id } = await addTunnel(ann, {})
  const { id: shareId } = await share(ann, id, {
    ...{ kind: 'user', userId: bob.userId, permission: 'manage', expiresInSeconds: 60 },
  })
  assert.equal((await runAgent(bob, [id])).status, 200)
  await ctx.db
    .updateTable('tunnelShares')
    .set({ expiresAt: new Date(Date.now() - 1) })
    .where('id', '=', shareId)
    .execute()
  assert.deepEqual(await tries(bob, id), [404, 404, 404, 404, 404])
  assert.equal((await runAgent(bob, [id])).status, 404)
  assert.deepEqual(await grantsOf(id), [])
  assert.equal((await ann.get(`/v1/tunnels/${id}/shares`)).body.items[0].expired, true)
})
