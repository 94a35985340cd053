import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { appoint } from '#test/accounts.ts'
import { restoreUser } from './restore.ts'
import { scheduleDeletion } from './schedule.ts'
import {
  app,
  db,
  tools,
  mayAct,
  login,
  tokenFor,
  restore,
  letDaysPass,
  statusOf,
} from './fixture.ts'

test('who leaves is stopped at once everywhere, and comes back by the mailed link, once', async () => {
  const ann = await app.person('ann')
  const key = await ann.post('/v1/api-keys', { name: 'x', scopes: ['sessions.read'] })
  const withKey = { headers: { authorization: `Bearer ${key.body.key}` } }
  assert.equal((await app.request('GET', '/v1/sessions', withKey)).status, 200)

  const left = await ann.delete('/v1/users/me')
  assert.equal(left.status, 202)
  assert.ok(Date.parse(left.body.restoreUntil) > Date.now() + 29 * 86_400_000)
  assert.equal(await mayAct(ann), 401)
  assert.equal((await app.request('GET', '/v1/sessions', withKey)).status, 401)
  const body = { refreshToken: ann.refreshToken }
  assert.equal((await app.request('POST', '/v1/auth/refresh', { body })).status, 401)
  assert.equal((await login(ann)).body.code, 'auth.invalid_credentials')

  const token = await tokenFor(ann)
  assert.equal((await restore(token)).status, 204)
  assert.equal((await restore(token)).body.code, 'auth.link_invalid')
  assert.equal(await mayAct(ann), 401, 'what had ended stays ended')
  assert.equal((await app.request('GET', '/v1/sessions', withKey)).status, 401)
  assert.equal((await login(ann)).status, 200)
  const kinds = await app.eventKinds(ann.accountId)
  for (const kind of ['user.deletion_scheduled', 'user.restored', 'api_key.revoked']) {
    assert.equal(kinds.filter((one) => one === kind).length, 1, kind)
  }
})

test('T35: without a fresh proof nobody leaves', async () => {
  const ann = await app.person('ann')
  await db
    .updateTable('signIns')
    .set({ steppedUpAt: null })
    .where('userId', '=', ann.userId)
    .execute()
  assert.equal((await ann.delete('/v1/users/me')).body.code, 'auth.step_up_required')
  assert.equal(await mayAct(ann), 200)
})

test('T29: a token of another purpose, a made-up one and one that is over restore nobody', async () => {
  const ann = await app.person('ann')
  await app.request('POST', '/v1/auth/forgot-password', { body: { email: ann.email } })
  const reset = (await app.mailTo(ann.email, 'reset_password')).link!.split('=')[1]!
  await ann.delete('/v1/users/me')
  const token = await tokenFor(ann)
  for (const wrong of [reset, 'A'.repeat(43)]) {
    assert.equal((await restore(wrong)).body.code, 'auth.link_invalid')
  }
  const body = { token: reset, password: 'violet tractor ten umbrellas' }
  const answer = await app.request('POST', '/v1/auth/reset-password', { body })
  assert.equal(answer.body.code, 'auth.link_invalid', 'what was mailed before is void')
  await letDaysPass(ann.userId)
  await db
    .updateTable('oneTimeTokens')
    .set({ expiresAt: new Date(Date.now() - 1000), createdAt: new Date(Date.now() - 2000) })
    .where('userId', '=', ann.userId)
    .execute()
  assert.equal((await restore(token)).body.code, 'auth.link_invalid')
  assert.equal(await statusOf(ann.userId), 'leaving')
})

test('who has lost the mail gets a new link from the form for lost passwords, and the older one is void', async () => {
  const ann = await app.person('ann')
  await ann.delete('/v1/users/me')
  const first = await tokenFor(ann)
  await app.request('POST', '/v1/auth/forgot-password', { body: { email: ann.email } })
  const second = await eventually('a second mail', async () => {
    const token = await tokenFor(ann)
    return token !== first && token
  })
  assert.equal((await restore(first)).body.code, 'auth.link_invalid')
  assert.equal((await restore(second)).status, 204)
})

test('T40: the last super-admin may not leave; of two at once one stays', async () => {
  await db.updateTable('users').set({ platformRoles: [] }).execute()
  const [one, two] = [await app.superAdmin(), await app.superAdmin()]
  const answers = await Promise.all([one.delete('/v1/users/me'), two.delete('/v1/users/me')])
  assert.deepEqual(answers.map(({ status }) => status).sort(), [202, 409])
  const refused = answers.find(({ status }) => status === 409)!
  assert.equal(refused.body.code, 'user.last_super_admin')
})

test('two deletions of one user at once schedule one', async () => {
  const ann = await app.person('ann')
  const ctx = app.app.systemContext()
  const tries = [1, 2].map(() => scheduleDeletion(tools(), ctx, ann.userId))
  const outcomes = await Promise.allSettled(tries)
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  const refused = outcomes.find((one) => one.status === 'rejected')!
  assert.equal(refused.reason.code, 'user.leaving')
  const mail = await app.mailTo(ann.email, 'account_deletion')
  assert.equal(mail.link, undefined, 'whom others delete gets no link')
  await restoreUser(tools(), ctx, ann.userId)
  assert.equal((await login(ann)).status, 200)
  await assert.rejects(restoreUser(tools(), ctx, ann.userId), { code: 'user.not_leaving' })
})

test('somebody of the staff who leaves does nothing any more, also not in the name of others', async () => {
  const [staff, ann] = [await app.person('staff'), await app.person('ann')]
  await appoint(app, staff, 'support')
  const lent = await staff.post(`/v1/admin/users/${ann.userId}/impersonate`, { reason: 'to help' })
  const bearer = { headers: { authorization: `Bearer ${lent.body.accessToken}` } }
  assert.equal((await app.request('GET', '/v1/users/me', bearer)).status, 200)
  assert.equal((await staff.delete('/v1/users/me')).status, 202)
  assert.equal((await app.request('GET', '/v1/users/me', bearer)).status, 401)
})
