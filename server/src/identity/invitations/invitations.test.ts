import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { type Answer, type Person, startApp } from '#test/app.ts'
import { addMember, appoint, forAccount, found, foundReseller } from '#test/accounts.ts'
import { devicesOf, rememberDeviceOf } from '#test/remembered.ts'
import { lockWaits } from '#test/lock-waits.ts'
import { holdSuperAdmins } from '../bootstrap.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())

const PASSWORD = 'plum-harbour-quiet-lantern-93'

async function invite(
  by: Person,
  email: string,
  more: object,
): Promise<{ id: string; token: string }> {
  const { status, body } = await by.post('/v1/invitations', { email, ...more })
  assert.equal(status, 201, JSON.stringify(body))
  return { id: body.id, token: await tokenFor(email) }
}

async function tokenFor(email: string): Promise<string> {
  const { link = '' } = await app.mailTo(email, 'invitation')
  assert.ok(link.startsWith(`${app.url}/#invitation=`), link)
  return link.split('=')[1]!
}

const accept = (token: string, more: object = { password: PASSWORD }) =>
  app.request('POST', '/v1/invitations/accept', { body: { token, ...more } })
const address = (name = 'new') => `${app.unique(name)}@example.test`
const told = ({ status, body }: Answer) => [status, body.code]

test('somebody without a user accepts with a password, and acts for that account', async () => {
  const ann = await app.person('ann')
  const accountId = await found(ann, 'Engines')
  const email = address()
  const { token } = await invite(ann, email, { role: 'member', accountId })
  const accepted = await accept(token, { password: PASSWORD, firstName: 'Ben' })
  assert.deepEqual([accepted.status, accepted.body.invitation.status], [200, 'accepted'])
  const headers = { authorization: `Bearer ${accepted.body.accessToken}` }
  const me = await app.request('GET', '/v1/users/me', { headers })
  assert.deepEqual(
    [me.body.accountId, me.body.roles, me.body.emailVerified, me.body.email],
    [accountId, ['account-member'], true, email],
  )
  assert.deepEqual(told(await accept(token)), [409, 'invitation.ended'])
  const kinds = await app.eventKinds(accountId)
  assert.ok(kinds.includes('invitation.accepted') && kinds.includes('member.added'))
})

test('whoever has a user signs in and accepts; nobody else can', async () => {
  const [ann, ben, eve] = [
    await app.person('ann'),
    await app.person('ben'),
    await app.person('eve'),
  ]
  const accountId = await found(ann, 'Engines')
  const spelled = ben.email.replace('@example', '@Example')
  const { token } = await invite(ann, spelled, { role: 'viewer', accountId })
  assert.deepEqual(told(await accept(token)), [401, 'invitation.sign_in_first'])
  const other = await eve.post('/v1/invitations/accept', { token })
  assert.deepEqual(told(other), [403, 'invitation.other_person'])
  assert.equal((await ben.post('/v1/invitations/accept', { token })).status, 200)
  assert.equal((await ben.get(`/v1/accounts/${accountId}`)).body.role, 'viewer')
})

test('T32: what an invitation gives cannot be edited, and it counts once, also twice at once', async () => {
  const ann = await app.person('ann')
  const first = await invite(ann, address(), { role: 'viewer' })
  for (const more of [{ role: 'owner' }, { email: ann.email }, { accountId: ann.accountId }]) {
    assert.equal((await accept(first.token, { password: PASSWORD, ...more })).status, 400)
  }
  const twice = await Promise.all([accept(first.token), accept(first.token)])
  assert.deepEqual(twice.map(({ status }) => status).sort(), [200, 409])
  for (const token of [null, '', [], {}, true, 'x'.repeat(43), 'A'.repeat(44)]) {
    const { status } = await app.request('POST', '/v1/invitations/accept', { body: { token } })
    assert.ok(status === 400 || status === 404, String(status))
  }
})

test('T32: after it was cancelled, or sent again, a link is worthless', async () => {
  const ann = await app.person('ann')
  const email = address()
  const { id, token } = await invite(ann, email, { role: 'viewer' })
  assert.deepEqual(told(await ann.post('/v1/invitations', { email, role: 'admin' })), [
    409,
    'invitation.open',
  ])
  assert.equal((await ann.post(`/v1/invitations/${id}/resend`)).body.timesSent, 2)
  assert.deepEqual(told(await accept(token)), [404, 'invitation.not_found'])
  assert.equal((await ann.delete(`/v1/invitations/${id}`)).status, 204)
  assert.equal((await ann.delete(`/v1/invitations/${id}`)).status, 204)
  assert.deepEqual(told(await ann.post(`/v1/invitations/${id}/resend`)), [409, 'invitation.ended'])
  const { items } = (await ann.get('/v1/invitations')).body
  assert.deepEqual([items.length, items[0].status], [1, 'cancelled'])
  assert.ok(!JSON.stringify(items).includes('oken'))
})

test('an invitation expires after 72 hours, and lives again when it is sent again', async () => {
  const ann = await app.person('ann')
  const { id, token } = await invite(ann, address(), { role: 'viewer' })
  const { db, clock } = app.app.systemContext()
  const row = db.selectFrom('invitations').selectAll().where('id', '=', id)
  const { expiresAt, sentAt } = await row.executeTakeFirstOrThrow()
  assert.equal(expiresAt.getTime() - sentAt.getTime(), 72 * 60 * 60 * 1000)
  await db.updateTable('invitations').set({ expiresAt: clock.now() }).where('id', '=', id).execute()
  assert.deepEqual(told(await accept(token)), [409, 'invitation.ended'])
  assert.equal((await ann.post(`/v1/invitations/${id}/resend`)).body.status, 'pending')
})

test('T32: nobody invites above themselves, and a reseller no staff', async () => {
  const [ann, admin, lead] = [
    await app.person('ann'),
    await app.person('admin'),
    await app.person('lead'),
  ]
  const accountId = await found(ann, 'Engines')
  await addMember(app, accountId, admin, 'admin')
  const above = await admin.post('/v1/invitations', { email: address(), role: 'owner', accountId })
  assert.deepEqual(told(above), [403, 'invitation.above_you'])
  await foundReseller(app, lead)
  for (const platformRole of ['super-admin', 'support']) {
    const refused = await lead.post('/v1/invitations', { email: address(), platformRole })
    assert.deepEqual(told(refused), [403, 'auth.forbidden'])
  }
  const operator = await app.person('operator')
  await appoint(app, operator, 'admin')
  const staff = { email: address(), platformRole: 'super-admin' }
  assert.deepEqual(told(await operator.post('/v1/invitations', staff)), [
    403,
    'invitation.above_you',
  ])
})

test('staff are invited to run the installation, without an account of others', async () => {
  const root = await app.superAdmin()
  const { token } = await invite(root, address('sue'), { platformRole: 'support' })
  const { body } = await accept(token)
  assert.deepEqual(body.user.roles, ['support', 'account-owner'])
  const listed = await root.get('/v1/invitations?to=installation')
  assert.equal(listed.body.items[0].platformRole, 'support')
  const ann = await app.person('ann')
  assert.equal((await ann.get('/v1/invitations?to=installation')).status, 403)
})

test('T32: an invitation ends with the right of whoever made it', async () => {
  const [ann, admin] = [await app.person('ann'), await app.person('admin')]
  const accountId = await found(ann, 'Engines')
  await addMember(app, accountId, admin, 'admin')
  const demoted = await invite(admin, address(), { role: 'admin', accountId })
  const member = `/v1/accounts/${accountId}/members/${admin.userId}`
  assert.equal((await ann.patch(member, { role: 'member' })).status, 200)
  assert.deepEqual(told(await accept(demoted.token)), [409, 'invitation.ended'])
  assert.equal((await ann.patch(member, { role: 'admin' })).status, 200)
  const orphaned = await invite(admin, address(), { role: 'viewer', accountId })
  const { db } = app.app.systemContext()
  await db.updateTable('users').set({ status: 'disabled' }).where('id', '=', admin.userId).execute()
  assert.deepEqual(told(await accept(orphaned.token)), [409, 'invitation.ended'])
  const ended = await ann.get('/v1/invitations', forAccount(accountId))
  assert.ok(ended.body.items.every(({ status }: { status: string }) => status === 'cancelled'))
})

test('the invitations of others are not there', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const { id } = await invite(ann, address(), { role: 'viewer' })
  assert.deepEqual(told(await bob.post(`/v1/invitations/${id}/resend`)), [
    404,
    'invitation.not_found',
  ])
  assert.deepEqual(told(await bob.delete(`/v1/invitations/${id}`)), [404, 'invitation.not_found'])
  assert.equal((await bob.get(`/v1/invitations?accountId=${ann.accountId}`)).status, 404)
})

test('T30: the link leads to this server, whatever a request says of its host', async () => {
  const ann = await app.person('ann')
  const email = address()
  const forged = { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' }
  assert.equal((await ann.post('/v1/invitations', { email, role: 'viewer' }, forged)).status, 201)
  await tokenFor(email)
})

test('T32: to invite an owner, an admin or staff takes a fresh proof, and a person', async () => {
  const root = await app.superAdmin()
  const { db, clock } = app.app.systemContext()
  const scopes = ['invitations.*', 'staff.*']
  const key = await root.post('/v1/api-keys', { name: 'x', scopes })
  assert.equal(key.status, 201, JSON.stringify(key.body))
  const headers = { authorization: `Bearer ${key.body.key}` }
  const byKey = (body: object) => app.request('POST', '/v1/invitations', { body, headers })
  const weighty = [{ role: 'owner' }, { role: 'admin' }, { platformRole: 'support' }]
  for (const more of weighty) {
    assert.deepEqual(told(await byKey({ email: address(), ...more })), [
      403,
      'auth.key_not_allowed',
    ])
  }
  assert.equal((await byKey({ email: address(), role: 'viewer' })).status, 201)
  const { id } = await invite(root, address(), { role: 'admin' })
  const proved = (at: Date | null) =>
    db.updateTable('signIns').set({ steppedUpAt: at }).where('userId', '=', root.userId).execute()
  await proved(null)
  const required = [403, 'auth.step_up_required']
  for (const more of weighty) {
    const refused = await root.post('/v1/invitations', { email: address(), ...more })
    assert.deepEqual(told(refused), required)
  }
  assert.deepEqual(told(await root.post(`/v1/invitations/${id}/resend`)), required)
  await invite(root, address(), { role: 'member' })
  await proved(clock.now())
  assert.equal((await root.post(`/v1/invitations/${id}/resend`)).status, 200)
})

test('of invitations to run the installation that are made at once, one is open', async () => {
  const root = await app.superAdmin()
  const { db } = app.app.systemContext()
  const email = address()
  const asked = () => root.post('/v1/invitations', { email, platformRole: 'support' })
  // Both have looked before either may write.
  const { both } = await db.transaction().execute(async (tx) => {
    await tx.selectFrom('users').select('id').where('id', '=', root.userId).forUpdate().execute()
    const both = Promise.all([asked(), asked()])
    await eventually('two requests that wait', () => waiting(2))
    return { both }
  })
  const codes = (await both).map(({ status, body }) => body.code ?? status)
  assert.deepEqual(codes.sort(), [201, 'invitation.open'])
})

async function waiting(atLeast: number): Promise<boolean> {
  return (await lockWaits(app.app.systemContext().db)) >= atLeast
}

test('T32: staff who lose the right to invite staff lose the invitations that they sent', async () => {
  const [root, operator] = [await app.superAdmin(), await app.person('operator')]
  await appoint(app, operator, 'admin')
  const staff = await invite(operator, address(), { platformRole: 'support' })
  const viewer = await invite(operator, address(), { role: 'viewer' })
  const demoted = await root.put(`/v1/admin/users/${operator.userId}/roles`, { roles: ['support'] })
  assert.equal(demoted.status, 200)
  const { items } = (await root.get('/v1/invitations?to=installation')).body
  const found = items.find(({ id }: { id: string }) => id === staff.id)
  assert.equal(found.status, 'cancelled')
  assert.equal((await accept(viewer.token)).status, 200)
})

test('T32: an invitation of staff and the end of its maker’s right do not pass each other', async () => {
  const [root, operator] = [await app.superAdmin(), await app.person('operator')]
  await appoint(app, operator, 'admin')
  const [ben, { db }] = [await app.person('ben'), app.app.systemContext()]
  const { token } = await invite(operator, ben.email, { platformRole: 'support' })
  const { both } = await db.transaction().execute(async (tx) => {
    await holdSuperAdmins(tx)
    const path = `/v1/admin/users/${operator.userId}/roles`
    const demoted = root.put(path, { roles: [] })
    await eventually('one that waits', () => waiting(1))
    const both = Promise.all([demoted, ben.post('/v1/invitations/accept', { token })])
    await eventually('two requests that wait', () => waiting(2))
    return { both }
  })
  const [demoted, accepted] = await both
  assert.equal(demoted.status, 200)
  assert.deepEqual(told(accepted), [409, 'invitation.ended'])
  assert.deepEqual((await ben.get('/v1/users/me')).body.roles, ['account-owner'])
})

test('a device is not remembered past a role over the installation', async () => {
  const [root, ben] = [await app.superAdmin(), await app.person('ben')]
  const { token } = await invite(root, ben.email, { platformRole: 'support' })
  await rememberDeviceOf(app, ben)
  assert.equal((await ben.post('/v1/invitations/accept', { token })).status, 200)
  assert.equal(await devicesOf(app, ben), 0)
  await rememberDeviceOf(app, ben)
  const roles = { roles: ['admin'] }
  assert.equal((await root.put(`/v1/admin/users/${ben.userId}/roles`, roles)).status, 200)
  assert.equal(await devicesOf(app, ben), 0)
})

test('whoever owes a second factor accepts nothing', async () => {
  const [root, ben] = [await app.superAdmin(), await app.person('ben')]
  const { token } = await invite(root, ben.email, { platformRole: 'support' })
  const { db } = app.app.systemContext()
  const demand = (requireSecondFactor: boolean) =>
    db
      .updateTable('accounts')
      .set({ requireSecondFactor })
      .where('id', '=', ben.accountId)
      .execute()
  await demand(true)
  app.app.identity.tools.userChanged(ben.userId)
  const refused = await ben.post('/v1/invitations/accept', { token })
  assert.deepEqual(told(refused), [403, 'auth.second_factor_required'])
  await demand(false)
  app.app.identity.tools.userChanged(ben.userId)
  assert.equal((await ben.post('/v1/invitations/accept', { token })).status, 200)
})

test('a key that was made before its maker became a member does not count', async () => {
  const [ann, ben] = [await app.person('ann'), await app.person('ben')]
  const accountId = await found(ann, 'Engines')
  await addMember(app, accountId, ben, 'member')
  const make = { name: 'x', scopes: ['sessions.read'] }
  const { body } = await ben.post('/v1/api-keys', make, forAccount(accountId))
  const { db } = app.app.systemContext()
  await db
    .deleteFrom('members')
    .where('userId', '=', ben.userId)
    .where('accountId', '=', accountId)
    .execute()
  const { token } = await invite(ann, ben.email, { role: 'member', accountId })
  assert.equal((await ben.post('/v1/invitations/accept', { token })).status, 200)
  const headers = { authorization: `Bearer ${body.key}` }
  assert.equal((await app.request('GET', '/v1/sessions', { headers })).body.code, 'auth.key_ended')
})

test('strangers are counted before an invitation is looked for', async () => {
  await using strict = await startApp({ env: { UNAUTHENTICATED_REQUESTS: '100' } })
  const body = { token: 'x'.repeat(43) }
  const codes: string[] = []
  for (let tries = 0; tries < 110 && codes.at(-1) !== 'auth.too_many_attempts'; tries++) {
    codes.push((await strict.request('POST', '/v1/invitations/accept', { body })).body.code)
  }
  assert.equal(codes[0], 'invitation.not_found')
  assert.equal(codes.at(-1), 'auth.too_many_attempts')
})
