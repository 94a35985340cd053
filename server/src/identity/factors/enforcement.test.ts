import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { demandingRoles } from './requirement.ts'
import { FactorApp, MINUTE_MS, ok, refusal, STEP_MS } from './test-support.ts'

const world = await FactorApp.start()
after(() => world[Symbol.asyncDispose]())
const { app, clock } = world

const REQUIRED = [403, 'auth.second_factor_required']
/** So long may a process know somebody as they were. */
const FRESH_MS = 4_000

test('operators must have a second factor where other machines reach the server', () => {
  assert.deepEqual(demandingRoles(null, { loopbackOnly: true }), [])
  assert.deepEqual(demandingRoles(null, { loopbackOnly: false }), ['super-admin', 'admin'])
  assert.deepEqual(demandingRoles([], { loopbackOnly: false }), [])
  assert.deepEqual(demandingRoles(['support'], { loopbackOnly: true }), ['support'])
})

test('a role that demands a second factor leaves who has none with the routes to set one up', async () => {
  const [root, ann] = [await app.superAdmin(), await app.person()]
  const roles = 'identity.second_factor_roles'
  ok(await root.put('/v1/admin/config', { [roles]: ['super-admin'] }))
  clock.advance(FRESH_MS)
  try {
    assert.deepEqual(refusal(await root.get('/v1/admin/config')), REQUIRED)
    assert.deepEqual(refusal(await root.get('/v1/sessions')), REQUIRED)
    assert.deepEqual(
      refusal(await root.post('/v1/api-keys', { name: 'x', scopes: ['sessions.read'] })),
      REQUIRED,
    )
    assert.deepEqual(refusal(await root.put('/v1/users/me', { firstName: 'Eve' })), REQUIRED)
    assert.deepEqual(refusal(await root.post('/v1/auth/2fa/backup/regenerate')), REQUIRED)
    assert.match((await root.get('/v1/sessions')).body.suggestion, /2fa\/enroll/)
    ok(await ann.get('/v1/sessions'))

    assert.equal(ok(await root.get('/v1/auth/2fa')).required, true)
    ok(await root.get('/v1/users/me'))
    const again = ok(await world.login(root))
    assert.deepEqual(
      refusal(await world.as(again.accessToken, 'GET', '/v1/admin/config')),
      REQUIRED,
    )

    const { phone } = await world.protect(root)
    ok(await root.get('/v1/admin/config'))
    assert.deepEqual(refusal(await world.as(again.accessToken, 'GET', '/v1/admin/config')), [
      401,
      'auth.unauthenticated',
    ])
    const last = await root.post('/v1/auth/2fa/disable', { code: phone.code() })
    assert.deepEqual(refusal(last), [409, 'factor.mandatory'])
    clock.advance(STEP_MS)
    const challengeId = await world.challenge(root)
    const whole = ok(await world.verify({ challengeId, code: phone.code() }))
    ok(await world.as(whole.accessToken, 'GET', '/v1/admin/config'))
    assert.equal((await root.post('/v1/auth/logout')).status, 204)
  } finally {
    const { db } = app.app.systemContext()
    await db.deleteFrom('runtimeSettings').where('name', '=', roles).execute()
  }
})

test('an account that demands a second factor says so itself, and whoever asks for it has one', async () => {
  const ann = await app.person()
  const early = await ann.put('/v1/auth/2fa/requirement', { required: true })
  assert.deepEqual(refusal(early), [409, 'factor.use_one_first'])
  const { phone } = await world.protect(ann)
  const before = ok(await world.login(ann))
  assert.equal(before.secondFactorRequired, true)
  ok(await ann.put('/v1/auth/2fa/requirement', { required: true }))
  ok(await ann.put('/v1/auth/2fa/requirement', { required: true }))
  assert.equal(ok(await ann.get('/v1/auth/2fa')).required, true)
  clock.advance(FRESH_MS)
  ok(await ann.get('/v1/sessions'))
  clock.advance(STEP_MS)
  const mandatory = await ann.post('/v1/auth/2fa/disable', { code: phone.code() })
  assert.deepEqual(refusal(mandatory), [409, 'factor.mandatory'])

  ok(await ann.put('/v1/auth/2fa/requirement', { required: false }))
  clock.advance(STEP_MS)
  const freed = await ann.post('/v1/auth/2fa/disable', { code: phone.code() })
  assert.equal(freed.status, 204)
  const changes = (await world.eventsOf(ann)).filter(
    ({ kind }) => kind === 'second_factor.requirement_changed',
  )
  assert.deepEqual(
    changes.map(({ data }) => data.required),
    [true, false],
  )
})

test('an old sign-in by password alone is held back until it steps up', async () => {
  const ann = await app.person()
  const { phone } = await world.protect(ann)
  const challengeId = await world.challenge(ann)
  const old = ok(await world.verify({ challengeId, code: phone.code() }))
  await world.weaken(ann)
  ok(await world.as(old.accessToken, 'GET', '/v1/sessions'))
  const { db } = app.app.systemContext()
  await db
    .updateTable('accounts')
    .set({ requireSecondFactor: true })
    .where('id', '=', ann.accountId)
    .execute()
  clock.advance(FRESH_MS)
  assert.deepEqual(refusal(await world.as(old.accessToken, 'GET', '/v1/sessions')), REQUIRED)
  clock.advance(5 * MINUTE_MS)
  const { accessToken } = ok(
    await app.request('POST', '/v1/auth/refresh', { body: { refreshToken: old.refreshToken } }),
  )
  assert.deepEqual(refusal(await world.as(accessToken, 'GET', '/v1/sessions')), REQUIRED)
  ok(await world.as(accessToken, 'POST', '/v1/auth/step-up', { password: ann.password }))
  assert.deepEqual(refusal(await world.as(accessToken, 'GET', '/v1/sessions')), REQUIRED)
  ok(await world.as(accessToken, 'POST', '/v1/auth/step-up', { code: phone.code() }))
  ok(await world.as(accessToken, 'GET', '/v1/sessions'))
  const changed = await world.as(accessToken, 'POST', '/v1/auth/change-password', {
    currentPassword: ann.password,
    newPassword: 'violet tractor ten umbrellas',
  })
  ok(await world.as(ok(changed).accessToken, 'GET', '/v1/sessions'))
})
