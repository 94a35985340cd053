import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startApp } from '#test/app.ts'
import { addMember, appoint, forAccount, found, foundReseller } from '#test/accounts.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())

const UNKNOWN = 'acc_00000000000000000000000000'

test('whoever founds an account owns it, and acts for it when they name it', async () => {
  const ann = await app.person('ann')
  const made = await ann.post('/v1/accounts', { name: 'Engines' })
  const { id } = made.body
  assert.deepEqual([made.status, made.body.kind, made.body.role], [201, 'organisation', 'owner'])
  const { items } = (await ann.get('/v1/accounts')).body
  assert.deepEqual(
    items.map((one: { id: string }) => one.id),
    [id, ann.accountId],
  )
  const me = await ann.get('/v1/users/me', forAccount(id))
  assert.deepEqual([me.body.accountId, me.body.roles], [id, ['account-owner']])
  assert.equal((await ann.get('/v1/users/me')).body.accountId, ann.accountId)
  assert.equal((await ann.patch(`/v1/accounts/${id}`, { name: 'Looms' })).body.name, 'Looms')
  assert.deepEqual(await app.eventKinds(id), ['account.created', 'account.changed'])
  const root = await app.superAdmin()
  const trail = await root.get(`/v1/admin/audit?action=account.*&target=${id}`)
  assert.equal(trail.body.items.length, 2, 'the trail finds them by the account')
})

test('an account of others is not there, however it is named', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const id = await found(ann, 'Engines')
  for (const account of [id, UNKNOWN, 'acc_1', '../x', '']) {
    const named = await bob.get('/v1/sessions', forAccount(account))
    assert.deepEqual([named.status, named.body.code], [404, 'account.not_found'], account)
  }
  for (const path of [`/v1/accounts/${id}`, `/v1/accounts/${id}/members`]) {
    assert.deepEqual((await bob.get(path)).body.code, 'account.not_found', path)
  }
  assert.equal((await bob.delete(`/v1/accounts/${id}`)).status, 404)
  assert.equal((await bob.post('/v1/invitations', { ...mail(), accountId: id })).status, 404)
})

test('a member does in each account what their role there allows', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const id = await found(ann, 'Engines')
  await addMember(app, id, bob, 'viewer')
  assert.equal((await bob.get(`/v1/accounts/${id}/members`)).body.items.length, 2)
  assert.equal((await bob.patch(`/v1/accounts/${id}`, { name: 'Mine' })).status, 403)
  assert.equal((await bob.post('/v1/sessions', {}, forAccount(id))).status, 403)
  assert.equal((await bob.patch(`/v1/accounts/${bob.accountId}`, { name: 'Mine' })).status, 200)
})

test('an API key stays with its account', async () => {
  const ann = await app.person('ann')
  const id = await found(ann, 'Engines')
  const body = { name: 'all', scopes: ['accounts.read', 'members.read'] }
  const { key } = (await ann.post('/v1/api-keys', body)).body
  const as = (account?: string) => ({
    headers: { authorization: `Bearer ${key}`, ...(account && forAccount(account)) },
  })
  const listed = await app.request('GET', '/v1/accounts', as())
  assert.deepEqual(
    listed.body.items.map((one: { id: string }) => one.id),
    [ann.accountId],
  )
  assert.equal((await app.request('GET', `/v1/accounts/${id}`, as())).status, 404)
  assert.equal((await app.request('GET', '/v1/accounts', as(id))).status, 404)
  assert.equal((await app.request('GET', `/v1/accounts/${ann.accountId}`, as())).status, 200)
})

test('the admin of a reseller looks after the accounts below it, and does nothing else there', async () => {
  const [lead, stranger] = [await app.person('lead'), await app.person('stranger')]
  const reseller = await foundReseller(app, lead)
  const child = await found(lead, 'Child', { parentId: reseller })
  const shown = await lead.get(`/v1/accounts/${child}`)
  assert.deepEqual([shown.body.parentId, shown.body.role], [reseller, undefined])
  assert.equal((await lead.get(`/v1/accounts/${child}/members`)).body.items.length, 0)
  const invited = await lead.post('/v1/invitations', { ...mail('owner'), accountId: child })
  assert.equal(invited.status, 201)
  assert.equal((await lead.get('/v1/sessions', forAccount(child))).status, 403)
  assert.equal((await lead.get('/v1/api-keys', forAccount(child))).status, 403)
  assert.equal((await stranger.get(`/v1/accounts/${child}`)).status, 404)
  const elsewhere = await stranger.post('/v1/accounts', { name: 'Mine', parentId: reseller })
  assert.equal(elsewhere.status, 404)
  assert.equal((await lead.delete(`/v1/accounts/${child}`)).status, 204)
  assert.equal((await lead.get(`/v1/accounts/${child}`)).status, 404)
})

test('members of an account below see nothing above or beside it', async () => {
  const [lead, kid] = [await app.person('lead'), await app.person('kid')]
  const reseller = await foundReseller(app, lead)
  const child = await found(lead, 'Child', { parentId: reseller })
  const sibling = await found(lead, 'Sibling', { parentId: reseller })
  await addMember(app, child, kid, 'owner')
  for (const id of [reseller, sibling]) {
    assert.equal((await kid.get(`/v1/accounts/${id}`)).status, 404)
    assert.equal((await kid.get('/v1/accounts', forAccount(id))).status, 404)
  }
  assert.equal((await kid.patch(`/v1/accounts/${child}`, { parentId: null })).status, 403)
})

test('T40: only the operator makes resellers; under anything else there is no account', async () => {
  const [ann, root] = [await app.person('ann'), await app.superAdmin()]
  const refused = await ann.post('/v1/accounts', { name: 'Mine', kind: 'reseller' })
  assert.deepEqual([refused.status, refused.body.code], [403, 'auth.forbidden'])
  const id = await found(ann, 'Engines')
  assert.equal((await ann.patch(`/v1/accounts/${id}`, { kind: 'reseller' })).status, 403)
  const below = await root.post('/v1/accounts', { name: 'Below', parentId: id })
  assert.deepEqual([below.status, below.body.code], [409, 'account.not_a_reseller'])
  assert.equal((await root.patch(`/v1/accounts/${id}`, { kind: 'reseller' })).status, 200)
  assert.equal((await ann.post('/v1/accounts', { name: 'Below', parentId: id })).status, 201)
})

test('T40: an account never comes to lie below itself, also when two move at once', async () => {
  const root = await app.superAdmin()
  const reseller = () => found(root, 'Reseller', { kind: 'reseller' })
  const [a, b] = [await reseller(), await reseller()]
  const own = await root.patch(`/v1/accounts/${a}`, { parentId: a })
  assert.deepEqual([own.status, own.body.code], [409, 'account.cycle'])
  const both = await Promise.all([
    root.patch(`/v1/accounts/${a}`, { parentId: b }),
    root.patch(`/v1/accounts/${b}`, { parentId: a }),
  ])
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409])
  const { db } = app.app.systemContext()
  const crooked = db.updateTable('accounts').set({ parentId: a }).where('id', '=', a)
  await assert.rejects(crooked.execute(), /below itself/)
})

test('what lies below moves along, and no deeper than six levels', async () => {
  const root = await app.superAdmin()
  const chain = [await found(root, '1', { kind: 'reseller' })]
  for (const name of ['2', '3', '4', '5', '6']) {
    const below = { kind: 'reseller', parentId: chain.at(-1) }
    chain.push(await found(root, name, below))
  }
  const below = await root.post('/v1/accounts', { name: '7', parentId: chain.at(-1) })
  assert.deepEqual([below.status, below.body.code], [409, 'account.too_deep'])
  const top = await found(root, '0', { kind: 'reseller' })
  const under = await root.patch(`/v1/accounts/${chain[0]}`, { parentId: top })
  assert.equal(under.body.code, 'account.too_deep')
  assert.equal((await root.patch(`/v1/accounts/${chain[2]}`, { parentId: top })).status, 200)
  const { db } = app.app.systemContext()
  const last = db.selectFrom('accounts').select('path').where('id', '=', chain.at(-1)!)
  assert.deepEqual((await last.executeTakeFirstOrThrow()).path, [top, ...chain.slice(2)])
})

test('T40: a reseller moves accounts within its own, and takes none out', async () => {
  const [lead, other, root] = [
    await app.person('lead'),
    await app.person('other'),
    await app.superAdmin(),
  ]
  const [own, foreign] = [await foundReseller(app, lead), await foundReseller(app, other)]
  const child = await found(lead, 'Child', { parentId: own })
  const inner = await found(root, 'Inner', { parentId: own, kind: 'reseller' })
  const move = (parentId: string | null) => lead.patch(`/v1/accounts/${child}`, { parentId })
  assert.equal((await move(inner)).status, 200)
  for (const parentId of [null, foreign, UNKNOWN]) {
    const moved = await move(parentId)
    assert.deepEqual([moved.status, moved.body.code], [403, 'account.out_of_reach'])
  }
  assert.equal((await other.patch(`/v1/accounts/${child}`, { parentId: foreign })).status, 404)
})

test('a deleted account is gone for its members, with its keys and invitations', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const id = await found(ann, 'Engines')
  await addMember(app, id, bob, 'admin')
  await bob.post('/v1/invitations', { ...mail(), accountId: id })
  const made = await bob.post(
    '/v1/api-keys',
    { name: 'x', scopes: ['sessions.read'] },
    forAccount(id),
  )
  const authorization = `Bearer ${made.body.key}`
  assert.equal(
    (await app.request('GET', '/v1/sessions', { headers: { authorization } })).status,
    200,
  )
  assert.equal((await bob.delete(`/v1/accounts/${id}`)).status, 403)
  assert.equal((await ann.delete(`/v1/accounts/${id}`)).status, 204)
  for (const person of [ann, bob]) {
    assert.equal((await person.get(`/v1/accounts/${id}`)).status, 404)
    assert.equal((await person.get('/v1/users/me')).body.accountId, person.accountId)
  }
  assert.equal(
    (await app.request('GET', '/v1/sessions', { headers: { authorization } })).status,
    401,
  )
  const kinds = await app.eventKinds(id)
  assert.ok(kinds.includes('invitation.cancelled') && kinds.includes('account.deleted'))
  const own = await ann.delete(`/v1/accounts/${ann.accountId}`)
  assert.deepEqual([own.status, own.body.code], [409, 'account.personal'])
})

test('support sees accounts and their members, and changes nothing', async () => {
  const [ann, sue] = [await app.person('ann'), await app.person('sue')]
  await appoint(app, sue, 'support')
  assert.equal((await sue.get(`/v1/accounts/${ann.accountId}`)).status, 200)
  assert.equal((await sue.get(`/v1/accounts/${ann.accountId}/members`)).body.items.length, 1)
  assert.equal((await sue.patch(`/v1/accounts/${ann.accountId}`, { name: 'x' })).status, 403)
  assert.equal((await sue.get('/v1/sessions', forAccount(ann.accountId))).status, 403)
})

test('a person founds twenty accounts and no more, also at once', async () => {
  const ann = await app.person('ann')
  const tries = Array.from({ length: 23 }, () => ann.post('/v1/accounts', { name: 'Engines' }))
  const statuses = (await Promise.all(tries)).map(({ status }) => status)
  assert.equal(statuses.filter((status) => status === 201).length, 20)
  assert.equal(statuses.filter((status) => status === 409).length, 3)
})

function mail(role = 'member') {
  return { email: `${app.unique('new')}@example.test`, role }
}
