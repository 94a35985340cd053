import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { z } from 'zod'
import { eventually } from '#kernel/test-support.ts'
import { addMember, appoint, found, foundReseller } from '#test/accounts.ts'
import { type Answer, type Person, startApp } from '#test/app.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const root = await app.superAdmin()
const { db } = app.app.systemContext()

const of = ({ userId }: Person, action = '') => `/v1/admin/users/${userId}${action}`
const said = ({ status, body }: Answer) => [status, body.code]
const linkToken = (link: string | undefined) => link!.slice(link!.indexOf('=') + 1)
const logIn = (email: string, password: string) =>
  app.request('POST', '/v1/auth/login', { body: { email, password } })

/** A reseller with one user who acts for the account below. */
async function reseller() {
  const [lead, below] = [await app.person('lead'), await app.person('below')]
  const id = await foundReseller(app, lead)
  const child = await found(root, app.unique('child'), { parentId: id })
  await addMember(app, child, below, 'member')
  await db.updateTable('users').set({ accountId: child }).where('id', '=', below.userId).execute()
  app.app.identity.tools.userChanged(below.userId)
  return { lead, below, child, there: { 'gantry-account': id } }
}

async function eventsAbout(target: string, kind: string) {
  const rows = await db
    .selectFrom('events')
    .select(['data', 'actor'])
    .where('target', '=', target)
    .where('kind', '=', kind)
    .orderBy('id')
    .execute()
  return rows as { data: Record<string, unknown>; actor: { userId?: string } }[]
}

test('a user who is deactivated is out at once, with keys and links, and in again when reactivated', async () => {
  const ann = await app.person()
  const key = (await ann.post('/v1/api-keys', { name: 'k', scopes: ['sessions.read'] })).body.key
  const byKey = () =>
    app.request('GET', '/v1/sessions', { headers: { authorization: `Bearer ${key}` } })
  assert.equal((await byKey()).status, 200)
  const done = await root.post(of(ann, '/deactivate'), { reason: 'Ticket 4711' })
  assert.deepEqual([done.status, done.body.status], [200, 'disabled'])

  assert.equal((await ann.get('/v1/users/me')).status, 401)
  assert.equal((await byKey()).status, 401)
  const { refreshToken } = ann
  const refreshed = await app.request('POST', '/v1/auth/refresh', { body: { refreshToken } })
  assert.equal(refreshed.status, 401)
  assert.deepEqual(said(await logIn(ann.email, ann.password)), [401, 'auth.invalid_credentials'])
  assert.deepEqual(said(await root.post(of(ann, '/reset-password'))), [409, 'user.wrong_status'])

  assert.equal((await root.post(of(ann, '/deactivate'))).status, 200)
  const events = await eventsAbout(ann.userId, 'user.deactivated')
  assert.deepEqual(
    events.map(({ data, actor }) => [data, actor.userId]),
    [[{ userId: ann.userId, reason: 'Ticket 4711' }, root.userId]],
    'once, however often it is asked for',
  )
  assert.equal((await root.post(of(ann, '/reactivate'))).body.status, 'active')
  assert.equal((await ann.get('/v1/users/me')).status, 401, 'the sign-in before stays ended')
  assert.equal((await byKey()).status, 200)
  assert.equal((await logIn(ann.email, ann.password)).status, 200)
})

test('what a user has open in any account ends when they are deactivated, and what slipped in just then', async () => {
  const ann = await app.person()
  const shop = await found(root, app.unique('shop'))
  const open = [await addSession(ann, ann.accountId), await addSession(ann, shop)]
  assert.equal((await root.post(of(ann, '/deactivate'))).status, 200)
  await eventually('both have ended', async () => (await reasonsOf(open)).every(isDisabled))
  // Of a process that has not heard of it yet: a job looks again a little later.
  const { rows } = await sql<{ input: z.output<typeof LATE.input> }>`
    select data -> 'input' as input from pgboss.job
    where name = ${LATE.name} and data -> 'input' ->> 'userId' = ${ann.userId}`.execute(db)
  assert.equal(rows.length, 1)
  const late = await addSession(ann, shop)
  const startedBefore = new Date(Date.now() + 1_000).toISOString()
  await app.app.systemContext().jobs.send(LATE, { ...rows[0]!.input, startedBefore })
  await eventually('that one has ended, too', async () =>
    (await reasonsOf([late])).every(isDisabled),
  )
})

const LATE = {
  name: 'browsers.end_late_sessions',
  input: z.object({ userId: z.string(), reason: z.string(), startedBefore: z.string() }),
}

const isDisabled = (reason: string | null) => reason === 'user_disabled'

async function addSession({ userId }: Person, accountId: string, createdAt = new Date()) {
  const id = app.app.systemContext().newId('ses')
  await db
    .insertInto('browserSessions')
    .values({
      ...{ id, accountId, userId, status: 'queued', timeoutSeconds: 600, idleTimeoutSeconds: 600 },
      ...{ viewport: '{"width":800,"height":600}', metadata: '{}' },
      ...{ createdAt, lastActivityAt: createdAt, expiresAt: new Date(+createdAt + 600_000) },
    })
    .execute()
  return id
}

async function reasonsOf(ids: string[]): Promise<(string | null)[]> {
  const rows = await db
    .selectFrom('browserSessions')
    .select('endReason')
    .where('id', 'in', ids)
    .execute()
  return rows.map(({ endReason }) => endReason)
}

test('T40: nobody changes a user of their own rank or above, nor themselves, and one super-admin stays', async () => {
  const [admin, peer, support] = [await app.person(), await app.person(), await app.person()]
  await appoint(app, admin, 'admin')
  await appoint(app, peer, 'admin')
  await appoint(app, support, 'support')
  for (const target of [root, peer]) {
    for (const action of ['/deactivate', '/sign-out', '/reset-factors', '/unlock']) {
      assert.deepEqual(said(await admin.post(of(target, action))), [403, 'user.not_below_you'])
    }
    assert.deepEqual(said(await admin.delete(of(target))), [403, 'user.not_below_you'])
    const named = await admin.put(of(target), { firstName: 'Mallory' })
    assert.deepEqual(said(named), [403, 'user.not_below_you'])
  }
  const stripped = await admin.put(of(peer, '/roles'), { roles: [] })
  assert.deepEqual(said(stripped), [403, 'user.not_below_you'])
  assert.deepEqual(said(await admin.post(of(admin, '/deactivate'))), [409, 'user.is_you'])
  assert.deepEqual(said(await admin.delete(of(admin))), [409, 'user.is_you'])
  const raised = await admin.put(of(admin, '/roles'), { roles: ['super-admin'] })
  assert.deepEqual(said(raised), [403, 'user.role_above_you'])
  assert.equal((await support.get(of(peer))).status, 200)
  for (const refused of [
    await support.post(of(peer, '/deactivate')),
    await support.delete(of(peer)),
    await support.post('/v1/admin/users', { email: 'x@example.test' }),
    await support.put(of(support, '/tier'), { tier: 'enterprise' }),
    await support.put(of(support, '/roles'), { roles: ['admin'] }),
  ]) {
    assert.deepEqual(said(refused), [403, 'auth.forbidden'])
  }
})

test('T40: of two super-admins who deactivate each other at once, one stays', async () => {
  await using other = await startApp()
  const [one, two] = [await other.superAdmin(), await other.superAdmin()]
  const replies = await Promise.all([
    one.post(of(two, '/deactivate')),
    two.post(of(one, '/deactivate')),
  ])
  assert.equal(replies.filter(({ status }) => status === 200).length, 1)
  const left = await other.app
    .systemContext()
    .db.selectFrom('users')
    .select('id')
    .where('status', '=', 'active')
    .execute()
  assert.equal(left.length, 1)
})

test('T39: a name can be changed, what was read sent back, and nothing else be set', async () => {
  const ann = await app.person()
  const changed = await root.put(of(ann), { firstName: 'Ann', lastName: 'King' })
  assert.deepEqual([changed.status, changed.body.firstName], [200, 'Ann'])
  const again = await root.put(of(ann), { ...changed.body, lastName: null })
  assert.deepEqual([again.status, 'lastName' in again.body], [200, false], JSON.stringify(again))
  const [first, second] = await eventsAbout(ann.userId, 'user.changed')
  assert.deepEqual(first!.data.changed, ['firstName', 'lastName'])
  assert.deepEqual(second!.data.changed, ['lastName'])
  const before = (await root.get(of(ann))).body
  for (const member of [
    { email: 'mallory@example.test' },
    { emailVerified: false },
    { roles: ['super-admin'] },
    { tier: 'enterprise' },
    { status: 'disabled' },
    { accountId: root.accountId },
    { id: root.userId },
    { accounts: [] },
    { secondFactors: {} },
    { passwordHash: 'x' },
    { platformRoles: ['admin'] },
    { ver: 7 },
  ]) {
    const refused = await root.put(of(ann), { firstName: 'Eve', ...member })
    assert.deepEqual(said(refused), [400, 'request.invalid'], JSON.stringify(member))
  }
  assert.deepEqual((await root.get(of(ann))).body, before)
})

test('a user that an admin makes chooses their password by the mailed link, which proves the address', async () => {
  const email = `${app.unique('made')}@example.test`
  const account = await found(root, 'Analytical Engines')
  const made = await root.post('/v1/admin/users', { email, firstName: 'Ben', accountId: account })
  assert.equal(made.status, 201)
  const { id, accountId, emailVerified, roles } = made.body
  assert.deepEqual([accountId, emailVerified, roles], [account, false, ['account-member']])
  assert.doesNotMatch(JSON.stringify(made.body), /token|password|reset/i)
  const again = await root.post('/v1/admin/users', { email })
  assert.deepEqual(said(again), [409, 'auth.email_taken'])
  const { link, text } = await app.mailTo(email, 'user_created')
  assert.match(text, /Analytical Engines/)
  const password = 'seven-orange-kettles-sing'
  const body = { token: linkToken(link), password }
  assert.equal((await app.request('POST', '/v1/auth/reset-password', { body })).status, 204)
  const signedIn = await logIn(email, password)
  assert.deepEqual([signedIn.status, signedIn.body.user.emailVerified], [200, true])
  assert.equal(signedIn.body.user.id, id)
  const role = await root.post('/v1/admin/users', { email: 'x@example.test', role: 'owner' })
  assert.deepEqual(said(role), [400, 'request.invalid'])
})

test('a reset that an admin mails is in the mail only', async () => {
  const ann = await app.person()
  const sent = await root.post(of(ann, '/reset-password'))
  assert.deepEqual([sent.status, sent.body.length], [204, 0])
  const { link } = await app.mailTo(ann.email, 'reset_password')
  const body = { token: linkToken(link), password: 'seven-orange-kettles-sing' }
  assert.equal((await app.request('POST', '/v1/auth/reset-password', { body })).status, 204)
  assert.equal((await logIn(ann.email, body.password)).status, 200)
})

test('a user is signed out everywhere, unlocked after wrong passwords, and not written to without end', async () => {
  await using strict = await startApp({ env: { AUTH_ATTEMPTS: '5' } })
  const admin = await strict.superAdmin()
  const ann = await strict.person()
  assert.equal((await admin.post(of(ann, '/sign-out'))).status, 204)
  assert.equal((await ann.get('/v1/users/me')).status, 401)
  const { failures } = strict.app.identity.tools
  await failures.begin(ann.email)
  await strict.app
    .systemContext()
    .db.updateTable('passwordFailures')
    .set({ refusedUntil: new Date(Date.now() + 600_000) })
    .execute()
  const locked = await admin.get(of(ann))
  assert.ok(locked.body.lockedUntil, JSON.stringify(locked.body))
  assert.equal((await admin.post(of(ann, '/unlock'))).status, 204)
  assert.equal((await admin.get(of(ann))).body.lockedUntil, undefined)
  for (let count = 0; count < 5; count++) {
    assert.equal((await admin.post(of(ann, '/reset-password'))).status, 204)
  }
  const many = await admin.post(of(ann, '/reset-password'))
  assert.deepEqual(said(many), [429, 'auth.too_many_attempts'])
})

test('lost second factors are removed after a fresh proof, and the person is told', async () => {
  const ann = await app.person()
  await db
    .insertInto('totpSecrets')
    .values({
      ...{ id: `${ann.userId}.1`, userId: ann.userId, state: 'active', signInId: 'sgn_x' },
      ...{ sealedSecret: Buffer.from('x'), createdAt: new Date(), lastStep: '1' },
    })
    .execute()
  assert.equal((await root.get(of(ann))).body.secondFactors.authenticatorApp, true)
  await db
    .updateTable('signIns')
    .set({ steppedUpAt: null })
    .where('userId', '=', root.userId)
    .execute()
  for (const refused of [
    await root.post(of(ann, '/reset-factors')),
    await root.delete(of(ann)),
    await root.post('/v1/admin/users/bulk', { operation: 'reactivate', userIds: [ann.userId] }),
  ]) {
    assert.deepEqual(said(refused), [403, 'auth.step_up_required'])
  }
  const { password } = root
  assert.equal((await root.post('/v1/auth/step-up', { password })).status, 200)
  assert.equal((await root.post(of(ann, '/reset-factors'))).status, 204)
  const { secondFactor, secondFactors } = (await root.get(of(ann))).body
  assert.deepEqual([secondFactor, secondFactors.authenticatorApp], [false, false])
  assert.match((await app.mailTo(ann.email, 'second_factor_changed')).subject, /An operator/)
  assert.equal((await ann.get('/v1/users/me')).status, 401)
  const [event] = await eventsAbout(ann.userId, 'user.factors_reset')
  assert.deepEqual(event!.data, { userId: ann.userId, authenticatorApp: true, passkeys: 0 })
})

test('another tier is one event with what it was, and a mail to the owner; the same one is neither', async () => {
  const ann = await app.person()
  const moved = await root.put(of(ann, '/tier'), { tier: 'premium' })
  assert.deepEqual([moved.status, moved.body.tier], [200, 'premium'])
  assert.equal((await root.put(of(ann, '/tier'), { tier: 'premium' })).status, 200)
  const events = await eventsAbout(ann.accountId, 'account.tier_changed')
  const { userId, accountId } = ann
  assert.deepEqual(
    events.map(({ data }) => data),
    [{ accountId, userId, tier: 'premium', before: 'free' }],
  )
  assert.match((await app.mailTo(ann.email, 'tier_changed')).text, /premium/)
  assert.equal((await ann.get('/v1/users/me')).body.tier, 'premium')
  const odd = await root.put(of(ann, '/tier'), { tier: 'gold' })
  assert.deepEqual(said(odd), [400, 'request.invalid'])
})

test('a user is deleted after days of grace, and can be restored until then', async () => {
  const ann = await app.person()
  const gone = await root.delete(of(ann))
  assert.equal(gone.status, 202)
  assert.ok(Date.parse(gone.body.restoreUntil) > Date.now())
  assert.equal((await root.get(of(ann))).body.status, 'leaving')
  assert.equal((await ann.get('/v1/users/me')).status, 401)
  assert.deepEqual(said(await root.delete(of(ann))), [409, 'user.leaving'])
  assert.deepEqual(said(await root.post(of(ann, '/reactivate'))), [409, 'user.wrong_status'])
  assert.equal((await root.post(of(ann, '/restore'))).status, 204)
  assert.equal((await logIn(ann.email, ann.password)).status, 200)
  assert.deepEqual(said(await root.post(of(ann, '/restore'))), [409, 'user.not_leaving'])
})

test('T37: the admin of a reseller changes whoever works below, and nobody who works for others, too', async () => {
  const { lead, below, child, there } = await reseller()
  const post = (path: string) => lead.post(path, undefined, there)
  assert.equal((await post(of(below, '/deactivate'))).body.status, 'disabled')
  assert.equal((await post(of(below, '/reactivate'))).body.status, 'active')
  for (const refused of [
    await lead.put(of(below, '/tier'), { tier: 'enterprise' }, there),
    await post(of(below, '/reset-factors')),
    await lead.post('/v1/admin/users', { email: 'x@example.test', accountId: child }, there),
    await lead.put(of(below, '/roles'), { roles: ['admin'] }, there),
  ]) {
    assert.deepEqual(said(refused), [403, 'auth.forbidden'])
  }
  const stranger = await app.person()
  for (const person of [stranger, lead, root]) {
    assert.deepEqual(said(await post(of(person, '/deactivate'))), [404, 'user.not_found'])
    assert.deepEqual(said(await lead.delete(of(person), there)), [404, 'user.not_found'])
  }
  const elsewhere = await found(root, app.unique('elsewhere'))
  await addMember(app, elsewhere, below, 'viewer')
  assert.deepEqual(said(await post(of(below, '/deactivate'))), [403, 'user.belongs_elsewhere'])
  assert.deepEqual(said(await lead.delete(of(below), there)), [403, 'user.belongs_elsewhere'])
  await appoint(app, below, 'support')
  assert.deepEqual(said(await post(of(below, '/deactivate'))), [403, 'user.not_below_you'])
})

test('an admin who was demoted a moment ago changes nobody any more, whatever their process remembers', async () => {
  const [admin, ann] = [await app.person(), await app.person()]
  await appoint(app, admin, 'admin')
  assert.equal((await admin.get(of(ann))).status, 200)
  // As another process does it: nothing here is told.
  await db.updateTable('users').set({ platformRoles: [] }).where('id', '=', admin.userId).execute()
  assert.deepEqual(said(await admin.post(of(ann, '/deactivate'))), [403, 'auth.forbidden'])
})
