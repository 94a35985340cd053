import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { type Person, startApp } from '#test/app.ts'
import { addMember, forAccount, found, foundReseller } from '#test/accounts.ts'
import { devicesOf, rememberDeviceOf } from '#test/remembered.ts'
import { lockWaits } from '#test/lock-waits.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())

/** An account of Ann, with these members. */
async function team(...roles: ('owner' | 'admin' | 'member' | 'viewer')[]) {
  const ann = await app.person('ann')
  const id = await found(ann, 'Engines')
  const others: Person[] = []
  for (const role of roles) {
    const person = await app.person(role)
    await addMember(app, id, person, role)
    others.push(person)
  }
  const path = ({ userId }: Person) => `/v1/accounts/${id}/members/${userId}`
  return { ann, id, others, path }
}

const statuses = (answers: { status: number }[]) => answers.map(({ status }) => status).sort()

test('an owner changes roles, and it counts at once', async () => {
  const { ann, id, others, path } = await team('viewer')
  const [viewer] = others as [Person]
  assert.equal((await viewer.patch(`/v1/accounts/${id}`, { name: 'x' })).status, 403)
  const changed = await ann.patch(path(viewer), { role: 'admin' })
  assert.deepEqual([changed.status, changed.body.role], [200, 'admin'])
  assert.equal((await viewer.patch(`/v1/accounts/${id}`, { name: 'x' })).status, 200)
  assert.equal((await ann.delete(path(viewer))).status, 204)
  assert.equal((await viewer.get(`/v1/accounts/${id}`)).status, 404)
  const kinds = await app.eventKinds(id)
  assert.ok(kinds.includes('member.role_changed') && kinds.includes('member.removed'))
})

test('T40: nobody promotes themselves, nor gives, changes or takes what is above them', async () => {
  const { ann, others, path } = await team('admin', 'member')
  const [admin, member] = others as [Person, Person]
  for (const [path_, body] of [
    [path(admin), { role: 'owner' }],
    [path(member), { role: 'owner' }],
    [path(ann), { role: 'viewer' }],
  ] as const) {
    const { status, body: problem } = await admin.patch(path_, body)
    assert.deepEqual([status, problem.code], [403, 'member.above_you'])
  }
  assert.equal((await admin.delete(path(ann))).body.code, 'member.above_you')
  assert.equal((await member.patch(path(member), { role: 'admin' })).status, 403)
  assert.equal((await admin.patch(path(member), { role: 'admin' })).status, 200)
})

test('T40: the last owner stays, also when two owners demote each other or leave at once', async () => {
  const { ann, id, others, path } = await team('owner')
  const [other] = others as [Person]
  const mutual = await Promise.all([
    ann.patch(path(other), { role: 'member' }),
    other.patch(path(ann), { role: 'member' }),
  ])
  assert.equal(mutual.filter(({ status }) => status === 200).length, 1, JSON.stringify(mutual))
  const owner = mutual[0].status === 200 ? ann : other
  const last = await owner.patch(path(owner), { role: 'admin' })
  assert.deepEqual([last.status, last.body.code], [409, 'member.last_owner'])
  assert.equal((await owner.delete(`/v1/accounts/${id}/members/me`)).body.code, 'member.last_owner')
  assert.equal((await owner.delete(path(owner))).body.code, 'member.last_owner')

  const pair = await team('owner')
  const leave = (person: Person) => person.delete(`/v1/accounts/${pair.id}/members/me`)
  assert.deepEqual(
    statuses(await Promise.all([leave(pair.ann), leave(pair.others[0]!)])),
    [204, 409],
  )
})

test('whoever leaves has their own account still, and one made anew if there is no other', async () => {
  const { id, others } = await team('member')
  const [member] = others as [Person]
  const { db } = app.app.systemContext()
  await db.deleteFrom('members').where('accountId', '=', member.accountId).execute()
  await db.updateTable('users').set({ accountId: id }).where('id', '=', member.userId).execute()
  assert.equal((await member.delete(`/v1/accounts/${id}/members/me`)).status, 204)
  const me = await member.get('/v1/users/me')
  assert.deepEqual([me.status, me.body.roles], [200, ['account-owner']])
  assert.ok(![id, member.accountId].includes(me.body.accountId))
})

test('an account is handed over in one step, with a fresh proof', async () => {
  const { ann, id, others } = await team('member', 'admin')
  const [member, admin] = others as [Person, Person]
  const transfer = (by: Person, to: Person) =>
    by.post(`/v1/accounts/${id}/transfer`, { userId: to.userId })
  assert.equal((await transfer(admin, admin)).status, 403)
  const { db, clock } = app.app.systemContext()
  const proved = (at: Date | null) =>
    db.updateTable('signIns').set({ steppedUpAt: at }).where('userId', '=', ann.userId).execute()
  await proved(null)
  assert.equal((await transfer(ann, member)).body.code, 'auth.step_up_required')
  await proved(clock.now())
  assert.equal((await transfer(ann, await app.person())).body.code, 'member.not_found')
  const both = await Promise.all([transfer(ann, member), transfer(ann, admin)])
  assert.deepEqual(statuses(both), [200, 403])
  const { items } = (await ann.get(`/v1/accounts/${id}/members`)).body
  const owners = items.filter(({ role }: { role: string }) => role === 'owner')
  assert.equal(owners.length, 1)
  assert.notEqual(owners[0].userId, ann.userId)
})

test('T40: a reseller rules the members of its own accounts only', async () => {
  const lead = await app.person('lead')
  const child = await found(lead, 'Child', { parentId: await foundReseller(app, lead) })
  const kid = await app.person('kid')
  await addMember(app, child, kid, 'member')
  const path = `/v1/accounts/${child}/members/${kid.userId}`
  assert.equal((await lead.patch(path, { role: 'owner' })).status, 200)
  const own = `/v1/accounts/${kid.accountId}/members/${kid.userId}`
  assert.equal((await lead.patch(own, { role: 'viewer' })).status, 404)
  const stranger = await app.person('stranger')
  assert.equal((await stranger.patch(path, { role: 'owner' })).status, 404)
})

test('members come in pages', async () => {
  const { ann, id } = await team('viewer', 'viewer')
  const first = await ann.get(`/v1/accounts/${id}/members?limit=2`)
  const next = `/v1/accounts/${id}/members?limit=2&cursor=${first.body.nextCursor}`
  assert.equal((await ann.get(next)).body.items.length, 1)
  assert.equal((await ann.get('/v1/accounts', forAccount(id))).status, 200)
})

test('T40: to make an admin or an owner takes a fresh proof, and a person', async () => {
  const { ann, id, others, path } = await team('member', 'owner')
  const [member, owner] = others as [Person, Person]
  const { db, clock } = app.app.systemContext()
  const scopes = ['members.*']
  const key = await ann.post('/v1/api-keys', { name: 'x', scopes }, forAccount(id))
  assert.equal(key.status, 201, JSON.stringify(key.body))
  const byKey = (role: string) => {
    const headers = { authorization: `Bearer ${key.body.key}` }
    return app.request('PATCH', path(member), { body: { role }, headers })
  }
  assert.equal((await byKey('admin')).body.code, 'auth.key_not_allowed')
  assert.equal((await byKey('viewer')).status, 200)
  const proved = (at: Date | null) =>
    db.updateTable('signIns').set({ steppedUpAt: at }).where('userId', '=', ann.userId).execute()
  await proved(null)
  for (const role of ['admin', 'owner']) {
    const { status, body } = await ann.patch(path(member), { role })
    assert.deepEqual([status, body.code], [403, 'auth.step_up_required'])
  }
  assert.equal((await ann.patch(path(member), { role: 'member' })).status, 200)
  assert.equal((await ann.patch(path(owner), { role: 'admin' })).status, 200)
  await proved(clock.now())
  assert.equal((await ann.patch(path(member), { role: 'owner' })).status, 200)
})

test('whoever is taken out of two accounts at once has a home of their own still', async () => {
  const [here, there, kid] = [await team(), await team(), await app.person('kid')]
  const { db } = app.app.systemContext()
  for (const { id } of [here, there]) await addMember(app, id, kid, 'member')
  await db.deleteFrom('members').where('accountId', '=', kid.accountId).execute()
  await db.updateTable('users').set({ accountId: here.id }).where('id', '=', kid.userId).execute()
  const { both } = await db.transaction().execute(async (tx) => {
    const user = tx.selectFrom('users').select('id').where('id', '=', kid.userId)
    await user.forNoKeyUpdate().execute()
    const both = Promise.all([here, there].map(({ ann, path }) => ann.delete(path(kid))))
    await eventually(
      'two requests that wait',
      async () => (await lockWaits(app.app.systemContext().db)) >= 2,
    )
    return { both }
  })
  assert.deepEqual(statuses(await both), [204, 204])
  const me = await kid.get('/v1/users/me')
  assert.deepEqual([me.status, me.body.roles], [200, ['account-owner']])
})

for (const how of ['removed', 'left', 'deleted'] as const) {
  test(`the keys of a member end with the membership, and stay ended (${how})`, async () => {
    const { ann, id, others, path } = await team('member')
    const [member] = others as [Person]
    const make = { name: 'x', scopes: ['sessions.read'] }
    const made = await member.post('/v1/api-keys', make, forAccount(id))
    const elsewhere = await member.post('/v1/api-keys', make)
    const use = async ({ body }: typeof made) => {
      const headers = { authorization: `Bearer ${body.key}` }
      return (await app.request('GET', '/v1/sessions', { headers })).status
    }
    assert.deepEqual([await use(made), await use(elsewhere)], [200, 200])
    const end = {
      removed: () => ann.delete(path(member)),
      left: () => member.delete(`/v1/accounts/${id}/members/me`),
      deleted: () => ann.delete(`/v1/accounts/${id}`),
    }
    assert.equal((await end[how]()).status, 204)
    await addMember(app, id, member, 'admin')
    assert.deepEqual([await use(made), await use(elsewhere)], [401, 200])
    assert.ok((await app.eventKinds(id)).includes('api_key.revoked'))
  })
}

test('a device is not remembered past a promotion to admin', async () => {
  const { ann, others, path } = await team('viewer')
  const [viewer] = others as [Person]
  await rememberDeviceOf(app, viewer)
  assert.equal((await ann.patch(path(viewer), { role: 'member' })).status, 200)
  assert.equal(await devicesOf(app, viewer), 1)
  assert.equal((await ann.patch(path(viewer), { role: 'admin' })).status, 200)
  assert.equal(await devicesOf(app, viewer), 0)
})
