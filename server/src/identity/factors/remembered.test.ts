import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { claims, FactorApp, MINUTE_MS, ok, STEP_MS } from './test-support.ts'

const world = await FactorApp.start()
after(() => world[Symbol.asyncDispose]())
const { app, clock } = world

test('a remembered device needs the password only, for 30 days, and nobody else’s does', async () => {
  const { person, phone } = await world.protectedPerson()
  const other = await world.protectedPerson()
  const remember = async () => {
    clock.advance(2 * STEP_MS)
    const challengeId = await world.challenge(person)
    return ok(await world.verify({ challengeId, code: phone.code(), rememberDevice: true }))
  }
  const { rememberToken, rememberedUntil } = await remember()
  assert.match(rememberToken, /^[A-Za-z0-9_-]{43}$/)
  assert.equal(Date.parse(rememberedUntil) - clock.now().getTime(), 30 * 24 * 60 * MINUTE_MS)
  const signedIn = ok(await world.login(person, { rememberToken }))
  assert.deepEqual(claims(signedIn.accessToken).amr, ['pwd', 'mfa'])
  assert.equal(ok(await world.login(other.person, { rememberToken })).secondFactorRequired, true)
  const { db } = app.app.systemContext()
  const rows = await db.selectFrom('rememberedDevices').selectAll().execute()
  assert.ok(!JSON.stringify(rows).includes(rememberToken))

  const wrongPassword = await world.login(
    { ...person, password: 'nine wrong umbrellas at sea' },
    { rememberToken },
  )
  assert.equal(wrongPassword.status, 401)
  clock.advance(30 * 24 * 60 * MINUTE_MS)
  assert.equal(ok(await world.login(person, { rememberToken })).secondFactorRequired, true)

  const { rememberToken: second, accessToken } = await remember()
  ok(await world.login(person, { rememberToken: second }))
  clock.advance(2 * STEP_MS)
  const disabled = await world.as(accessToken, 'POST', '/v1/auth/2fa/disable', {
    code: phone.code(),
  })
  assert.equal(disabled.status, 204)
  assert.deepEqual(
    await db
      .selectFrom('rememberedDevices')
      .select('id')
      .where('userId', '=', person.userId)
      .execute(),
    [],
  )
})

test('T31: after a reset password the second factor is asked for, and no device is remembered', async () => {
  const { person, phone } = await world.protectedPerson()
  const challengeId = await world.challenge(person)
  const body = { challengeId, code: phone.code(), rememberDevice: true }
  const { rememberToken, accessToken } = ok(await world.verify(body))
  const { email } = person
  await app.request('POST', '/v1/auth/forgot-password', { body: { email } })
  const { link } = await app.mailTo(email, 'reset_password')
  const password = 'violet tractor eleven umbrellas'
  const token = /[\w-]{43}/.exec(link!)![0]
  const reset = await app.request('POST', '/v1/auth/reset-password', { body: { token, password } })
  assert.ok(reset.status < 300, JSON.stringify(reset.body))
  assert.equal((await world.as(accessToken, 'GET', '/v1/users/me')).status, 401)
  const asked = ok(await world.login({ ...person, password }, { rememberToken }))
  assert.equal(asked.secondFactorRequired, true)
})

test('remembered devices are listed, and forgotten one by one or with their sign-in', async () => {
  const { person, phone } = await world.protectedPerson()
  const remember = async () => {
    clock.advance(STEP_MS)
    const challengeId = await world.challenge(person)
    return ok(await world.verify({ challengeId, code: phone.code(), rememberDevice: true }))
  }
  const [first, second, third] = [await remember(), await remember(), await remember()]
  const list = async () => ok(await person.get('/v1/auth/2fa/devices')).items
  const [newest, ...others] = await list()
  assert.equal(others.length, 2)
  assert.equal((await person.delete(`/v1/auth/2fa/devices/${newest.id}`)).status, 204)
  assert.equal((await person.delete(`/v1/auth/2fa/devices/${newest.id}`)).status, 404)
  const asks = async ({ rememberToken }: { rememberToken: string }) =>
    ok(await world.login(person, { rememberToken })).secondFactorRequired === true
  assert.equal(await asks(third), true)
  assert.equal(await asks(second), false)
  assert.equal((await person.delete('/v1/users/me/devices')).status, 204)
  assert.deepEqual([await asks(first), await asks(second)], [true, true])
  assert.deepEqual(await list(), [])
})

test('a page gets cookies, also the one that its browser is remembered by', async () => {
  const { person, phone } = await world.protectedPerson()
  const asked = ok(await world.login(person, { session: 'cookie' }))
  assert.equal(asked.secondFactorRequired, true)
  const { challengeId } = asked
  const body = { challengeId, code: phone.code(), rememberDevice: true, session: 'cookie' }
  const answer = await world.verify(body)
  const { csrfToken, rememberToken, accessToken } = ok(answer)
  assert.ok(csrfToken && !rememberToken && !accessToken)
  const cookies = answer.headers.getSetCookie()
  const device = cookies.find((cookie) => cookie.startsWith('__Host-gantry_device='))!
  assert.match(device, /; HttpOnly; Max-Age=2592000$/)
  const { email, password } = person
  const again = await app.request('POST', '/v1/auth/login', {
    body: { email, password, session: 'cookie' },
    headers: { cookie: device.split(';')[0]! },
  })
  assert.ok(ok(again).csrfToken)
})
