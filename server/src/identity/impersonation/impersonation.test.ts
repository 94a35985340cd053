import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { type Answer, type Person, startApp } from '#test/app.ts'
import { addMember, appoint, forAccount, found } from '#test/accounts.ts'
import { lockWaits } from '#test/lock-waits.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const { db, clock } = app.app.systemContext()

async function staffOf(role: 'super-admin' | 'admin' | 'support'): Promise<Person> {
  const person = await app.person(role)
  await appoint(app, person, role)
  return person
}

const actAs = (staff: Person, user: Person): Promise<Answer> =>
  staff.post(`/v1/admin/users/${user.userId}/impersonate`, { reason: 'Ticket 4711' })
const told = ({ status, body }: Answer) => [status, body.code]

async function lent(staff: Person, user: Person) {
  const answer = await actAs(staff, user)
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  const headers = { authorization: `Bearer ${answer.body.accessToken}` }
  const call = (method: string, path: string, body?: unknown) =>
    app.request(method, path, { headers, ...(body !== undefined && { body }) })
  return { call, ...answer.body }
}

test('support acts as a user: the tokens, the banner and every event name both', async () => {
  const [sue, ann] = [await staffOf('support'), await app.person('ann')]
  const { call, accessToken, user } = await lent(sue, ann)
  assert.equal(user.id, ann.userId)
  const claims = JSON.parse(Buffer.from(accessToken.split('.')[1], 'base64url').toString())
  assert.deepEqual([claims.sub, claims.act], [ann.userId, { sub: sue.userId }])
  const { body } = await call('GET', '/v1/users/me')
  assert.deepEqual([body.id, body.impersonatedBy.userId], [ann.userId, sue.userId])
  const leftMs = Date.parse(body.impersonatedBy.expiresAt) - clock.now().getTime()
  assert.ok(leftMs > 29 * 60_000 && leftMs <= 30 * 60_000)
  assert.equal((await ann.get('/v1/users/me')).body.impersonatedBy, undefined)

  assert.equal((await call('POST', '/v1/auth/logout')).status, 204)
  assert.equal((await call('GET', '/v1/users/me')).status, 401)
  const events = await db
    .selectFrom('events')
    .select(['kind', 'actor', 'data'])
    .where('accountId', '=', ann.accountId)
    .where('kind', 'in', ['user.impersonated', 'user.signed_out'])
    .orderBy('id')
    .execute()
  const [began, ended] = events as { kind: string; actor: object; data: object }[]
  assert.partialDeepStrictEqual(began, {
    actor: { userId: sue.userId },
    data: { userId: ann.userId, by: sue.userId, reason: 'Ticket 4711' },
  })
  assert.partialDeepStrictEqual(ended, {
    actor: { userId: ann.userId, impersonatedBy: sue.userId },
  })
})

test('whoever acts as a user changes neither credentials nor keys nor members', async () => {
  const [sue, ann] = [await staffOf('support'), await app.person('ann')]
  const { call } = await lent(sue, ann)
  const refused: [string, string, object?][] = [
    ['POST', '/v1/auth/change-password', { currentPassword: 'x', newPassword: 'y' }],
    ['POST', '/v1/auth/step-up', { password: ann.password }],
    ['POST', '/v1/auth/logout-all'],
    ['PUT', '/v1/users/me', { firstName: 'Eve' }],
    ['POST', '/v1/accounts', { name: 'Mine' }],
  ]
  for (const [method, path, body] of refused) {
    assert.deepEqual(told(await call(method, path, body)), [403, 'auth.not_as_another'], path)
  }
  const keyless: [string, string, object][] = [
    ['POST', '/v1/api-keys', { name: 'x', scopes: ['sessions.read'] }],
    ['POST', '/v1/invitations', { email: 'eve@example.test', role: 'owner' }],
    ['POST', `/v1/admin/users/${ann.userId}/impersonate`, { reason: 'again and again' }],
  ]
  for (const [method, path, body] of keyless) {
    assert.deepEqual(told(await call(method, path, body)), [403, 'auth.forbidden'], path)
  }
  assert.equal((await call('GET', '/v1/sessions')).status, 200)
  assert.equal((await call('GET', '/v1/api-keys')).status, 200)
})

test('T40: nobody acts as somebody of their rank or above, nor as themselves', async () => {
  const [root, admin, sue, ann] = [
    await staffOf('super-admin'),
    await staffOf('admin'),
    await staffOf('support'),
    await app.person('ann'),
  ]
  const pairs: [Person, Person][] = [
    [sue, admin],
    [sue, root],
    [sue, await staffOf('support')],
    [admin, root],
    [root, root],
  ]
  for (const [staff, user] of pairs) {
    assert.deepEqual(told(await actAs(staff, user)), [403, 'user.not_below_you'])
  }
  assert.deepEqual(told(await actAs(ann, sue)), [403, 'auth.forbidden'])
  const { call } = await lent(admin, sue)
  assert.deepEqual((await call('GET', '/v1/users/me')).body.roles, ['account-owner'])
  assert.deepEqual(told(await call('GET', '/v1/admin/jobs')), [403, 'auth.forbidden'])
  assert.equal((await call('GET', `/v1/accounts/${ann.accountId}`)).status, 404)
})

test('it takes a fresh proof, and ends with the sign-in or the role that it came from', async () => {
  const [sue, ann] = [await staffOf('support'), await app.person('ann')]
  const proved = (at: Date | null) =>
    db.updateTable('signIns').set({ steppedUpAt: at }).where('userId', '=', sue.userId).execute()
  await proved(null)
  assert.deepEqual(told(await actAs(sue, ann)), [403, 'auth.step_up_required'])
  await proved(clock.now())
  const first = await lent(sue, ann)
  const second = await lent(sue, ann)
  assert.equal((await first.call('GET', '/v1/users/me')).status, 401)
  assert.equal((await second.call('GET', '/v1/users/me')).status, 200)
  await appoint(app, sue)
  assert.equal((await second.call('GET', '/v1/users/me')).status, 401)
  await appoint(app, sue, 'support')
  assert.equal((await second.call('GET', '/v1/users/me')).status, 200)
  await sue.post('/v1/auth/logout')
  app.app.identity.tools.userChanged(sue.userId)
  assert.equal((await second.call('GET', '/v1/users/me')).status, 401)
})

test('the user goes where they are a member, and sees who was there among their devices', async () => {
  const [sue, ann, bob] = [
    await staffOf('support'),
    await app.person('ann'),
    await app.person('bob'),
  ]
  const id = await found(bob, 'Engines')
  await addMember(app, id, ann, 'viewer')
  const { accessToken } = await lent(sue, ann)
  const headers = { authorization: `Bearer ${accessToken}`, ...forAccount(id) }
  assert.equal((await app.request('GET', '/v1/sessions', { headers })).status, 200)
  const { items } = (await ann.get('/v1/users/me/devices')).body
  assert.equal(items.length, 2)
})

test('T40: the last super-admin stays, also when two demote each other at once', async () => {
  const [one, two] = [await staffOf('super-admin'), await staffOf('super-admin')]
  const ids = [one.userId, two.userId]
  const none = db.updateTable('users').set({ platformRoles: [] }).where('id', 'not in', ids)
  await none.execute()
  const demote = (by: Person, user: Person) =>
    by.put(`/v1/admin/users/${user.userId}/roles`, { roles: [] })
  // Both have looked before either may write.
  const { both } = await db.transaction().execute(async (tx) => {
    await tx.selectFrom('users').select('id').where('id', 'in', ids).forUpdate().execute()
    const both = Promise.all([demote(one, two), demote(two, one)])
    await eventually('two requests that wait', async () => (await lockWaits(db)) >= 2)
    return { both }
  })
  const answers = await both
  assert.equal(answers.filter(({ status }) => status === 200).length, 1, JSON.stringify(answers))
  const last = answers[0].status === 200 ? one : two
  assert.deepEqual(told(await demote(last, last)), [409, 'user.last_super_admin'])
})

test('T40: nobody appoints above themselves', async () => {
  const [root, admin, ann] = [
    await app.superAdmin(),
    await staffOf('admin'),
    await app.person('ann'),
  ]
  const appointing = (by: Person, user: Person, roles: string[]) =>
    by.put(`/v1/admin/users/${user.userId}/roles`, { roles })
  assert.deepEqual(told(await appointing(admin, ann, ['super-admin'])), [
    403,
    'user.role_above_you',
  ])
  assert.deepEqual(told(await appointing(admin, admin, ['super-admin'])), [
    403,
    'user.role_above_you',
  ])
  assert.deepEqual(told(await appointing(admin, root, [])), [403, 'user.role_above_you'])
  assert.equal((await appointing(admin, ann, ['support'])).status, 200)
  assert.ok((await ann.get('/v1/users/me')).body.roles.includes('support'))
  assert.equal((await appointing(ann, admin, [])).status, 403)
})

test('a second factor that an account demands is owed by whoever acts as a user too', async () => {
  const [sue, ann, bob] = [
    await staffOf('support'),
    await app.person('ann'),
    await app.person('bob'),
  ]
  const id = await found(bob, 'Engines')
  await addMember(app, id, ann, 'viewer')
  const demand = async (accountId: string, requireSecondFactor: boolean) => {
    const account = db.updateTable('accounts').set({ requireSecondFactor })
    await account.where('id', '=', accountId).execute()
    app.app.identity.tools.userChanged(ann.userId)
  }
  const proved = async (amr: string[]) => {
    await db.updateTable('signIns').set({ amr }).where('userId', '=', sue.userId).execute()
    app.app.identity.tools.userChanged(ann.userId)
  }
  const { accessToken } = await lent(sue, ann)
  const look = async (more: object = {}) => {
    const headers = { authorization: `Bearer ${accessToken}`, ...more }
    const answer = await app.request('GET', '/v1/sessions', { headers })
    return answer.body.code ?? answer.status
  }
  const both = async () => [await look(), await look(forAccount(id))]
  assert.deepEqual(await both(), [200, 200])
  await demand(id, true)
  assert.deepEqual(await both(), [200, 'auth.second_factor_required'])
  await demand(ann.accountId, true)
  await demand(id, false)
  const none = Array<string>(2).fill('auth.second_factor_required')
  assert.deepEqual(await both(), none)
  const own = await app.request('POST', '/v1/auth/2fa/enroll', {
    ...{ body: {}, headers: { authorization: `Bearer ${accessToken}` } },
  })
  assert.deepEqual(told(own), [403, 'auth.not_as_another'])
  await demand(id, true)
  await proved(['pwd', 'otp', 'mfa'])
  assert.deepEqual(await both(), [200, 200])
})

test('a second factor that a role demands is owed by staff who act as somebody', async () => {
  const [sue, ann] = [await staffOf('support'), await app.person('ann')]
  const root = await app.superAdmin()
  const { call } = await lent(sue, ann)
  for (const role of ['support', 'account-owner']) {
    await db
      .updateTable('signIns')
      .set({ amr: ['pwd'] })
      .where('userId', '=', sue.userId)
      .execute()
    const demanded = await root.put('/v1/admin/config', { 'identity.second_factor_roles': [role] })
    assert.equal(demanded.status, 200, JSON.stringify(demanded.body))
    app.app.identity.tools.userChanged(ann.userId)
    assert.deepEqual(told(await call('GET', '/v1/sessions')), [403, 'auth.second_factor_required'])
    await root.put('/v1/admin/config', { 'identity.second_factor_roles': [] })
  }
  const mfa = db.updateTable('signIns').set({ amr: ['pwd', 'mfa'] })
  await mfa.where('userId', '=', sue.userId).execute()
  app.app.identity.tools.userChanged(ann.userId)
  assert.equal((await call('GET', '/v1/sessions')).status, 200)
})
