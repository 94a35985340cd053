import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import decodeQR from 'qr/decode.js'
import {
  claims,
  FactorApp,
  MINUTE_MS,
  ok,
  refusal,
  REFUSED,
  STEP_MS,
  tally,
  wrong,
} from './test-support.ts'

const world = await FactorApp.start()
after(() => world[Symbol.asyncDispose]())
const { app, clock } = world

test('an app is set up with a QR code, counts from its first code on, and signs in after the password', async () => {
  const ann = await app.person()
  const begun = ok(await ann.post('/v1/auth/2fa/enroll', {}))
  assert.match(begun.secret, /^[A-Z2-7]{32}$/)
  assert.equal(readQr(begun.qrSvg), begun.uri)
  assert.equal(ok(await world.login(ann)).user.id, ann.userId)

  const phone = world.phoneOf(begun.secret)
  const confirmed = ok(await ann.post('/v1/auth/2fa/verify', { code: phone.code() }))
  assert.equal(confirmed.backupCodes.length, 10)
  assert.equal(new Set(confirmed.backupCodes).size, 10)
  const state = ok(await ann.get('/v1/auth/2fa'))
  assert.deepEqual([state.enabled, state.required, state.backupCodesLeft], [true, false, 10])
  assert.ok(state.authenticatorApp)

  clock.advance(2 * STEP_MS)
  const asked = ok(await world.login(ann))
  assert.deepEqual(Object.keys(asked).sort(), [
    ...['challengeId', 'expiresAt', 'methods', 'secondFactorRequired'],
  ])
  assert.deepEqual(asked.methods, ['totp', 'backup_code'])
  const code = phone.code()
  const signedIn = ok(await world.verify({ challengeId: asked.challengeId, code }))
  assert.equal(ok(await world.as(signedIn.accessToken, 'GET', '/v1/users/me')).id, ann.userId)
  assert.deepEqual(claims(signedIn.accessToken).amr, ['pwd', 'otp', 'mfa'])
  const kinds = (await world.eventsOf(ann)).map(({ kind }) => kind)
  assert.ok(kinds.includes('second_factor.enabled') && kinds.includes('second_factor.used'))
  assert.match((await app.mailTo(ann.email, 'second_factor_changed')).text, /./)
})

test('what is stored shows neither secret nor codes', async () => {
  const { person, backupCodes } = await world.protectedPerson()
  const { db } = app.app.systemContext()
  const rows = JSON.stringify([
    await db.selectFrom('totpSecrets').selectAll().where('userId', '=', person.userId).execute(),
    await db.selectFrom('backupCodes').selectAll().where('userId', '=', person.userId).execute(),
    await world.eventsOf(person),
  ])
  for (const code of backupCodes)
    assert.ok(!rows.includes(code) && !rows.includes(code.replaceAll('-', '')))
  const [mine, other] = [person, (await world.protectedPerson()).person]
  await db
    .updateTable('totpSecrets')
    .set({
      sealedSecret: (
        await db
          .selectFrom('totpSecrets')
          .select('sealedSecret')
          .where('userId', '=', other.userId)
          .executeTakeFirstOrThrow()
      ).sealedSecret,
    })
    .where('userId', '=', mine.userId)
    .execute()
  const challengeId = await world.challenge(mine)
  assert.equal((await world.verify({ challengeId, code: '123456' })).status, 500)
})

test('T35: a challenge is no token, and without a fresh proof no factor changes', async () => {
  const { person, phone, backupCodes } = await world.protectedPerson()
  const challengeId = await world.challenge(person)
  for (const path of ['/v1/users/me', '/v1/auth/2fa', '/v1/sessions', '/v1/api-keys']) {
    assert.deepEqual(refusal(await world.as(challengeId, 'GET', path)), [
      401,
      'auth.unauthenticated',
    ])
  }
  const confirming = await world.as(challengeId, 'POST', '/v1/auth/2fa/verify', {
    code: phone.code(),
  })
  assert.equal(confirming.status, 401)

  clock.advance(6 * MINUTE_MS)
  const stale: [string, object | undefined][] = [
    ['/v1/auth/2fa/enroll', {}],
    ['/v1/auth/2fa/disable', { code: phone.code() }],
    ['/v1/auth/2fa/disable', { code: backupCodes[0] }],
    ['/v1/auth/2fa/backup/regenerate', undefined],
    ['/v1/auth/passkeys/register/options', undefined],
  ]
  for (const [path, body] of stale) {
    assert.deepEqual(refusal(await person.post(path, body)), [403, 'auth.step_up_required'], path)
  }
  const state = ok(await person.get('/v1/auth/2fa'))
  assert.deepEqual([state.enabled, state.backupCodesLeft], [true, 10])
})

test('only the sign-in that began confirms an app, within 15 minutes, and the last one begun', async () => {
  const ann = await app.person()
  const elsewhere = ok(await world.login(ann))
  const first = world.phoneOf(ok(await ann.post('/v1/auth/2fa/enroll', {})).secret)
  const second = world.phoneOf(ok(await ann.post('/v1/auth/2fa/enroll', {})).secret)
  const nothing = [409, 'factor.nothing_pending']
  const stolen = await world.as(elsewhere.accessToken, 'POST', '/v1/auth/2fa/verify', {
    code: second.code(),
  })
  assert.deepEqual(refusal(stolen), nothing)
  assert.deepEqual(refusal(await ann.post('/v1/auth/2fa/verify', { code: first.code() })), REFUSED)
  const both = await Promise.all(
    [0, 1].map(() => ann.post('/v1/auth/2fa/verify', { code: second.code() })),
  )
  assert.deepEqual(tally(both), { ok: 1, 'factor.nothing_pending': 1 })

  const bob = await app.person()
  const late = world.phoneOf(ok(await bob.post('/v1/auth/2fa/enroll', {})).secret)
  clock.advance(9 * MINUTE_MS)
  const { accessToken } = ok(
    await app.request('POST', '/v1/auth/refresh', { body: { refreshToken: bob.refreshToken } }),
  )
  clock.advance(6 * MINUTE_MS)
  const tooLate = await world.as(accessToken, 'POST', '/v1/auth/2fa/verify', { code: late.code() })
  assert.deepEqual(refusal(tooLate), nothing)
  assert.equal((await world.verify({ code: late.code() })).status, 401)
})

test('an app takes the place of another only for who has that or a backup code, and the old one counts until then', async () => {
  const { person, phone, backupCodes } = await world.protectedPerson()
  const without = await person.post('/v1/auth/2fa/enroll', {})
  assert.deepEqual(refusal(without), [409, 'factor.already_enabled'])
  const begun = ok(await person.post('/v1/auth/2fa/enroll', { code: backupCodes[0] }))
  ok(await world.verify({ challengeId: await world.challenge(person), code: phone.code() }))

  const fresh = world.phoneOf(begun.secret)
  const { backupCodes: renewed } = ok(
    await person.post('/v1/auth/2fa/verify', { code: fresh.code() }),
  )
  clock.advance(2 * STEP_MS)
  const challengeId = await world.challenge(person)
  assert.deepEqual(refusal(await world.verify({ challengeId, code: phone.code() })), REFUSED)
  assert.deepEqual(
    refusal(await world.verifyBackup({ challengeId, code: backupCodes[1] })),
    REFUSED,
  )
  ok(await world.verify({ challengeId, code: fresh.code() }))
  ok(await world.verifyBackup({ challengeId: await world.challenge(person), code: renewed[0] }))
})

test('giving up the app takes a code, and the password is enough after that', async () => {
  const { person, phone, backupCodes } = await world.protectedPerson()
  assert.deepEqual(
    refusal(await person.post('/v1/auth/2fa/disable', { code: wrong(phone.code()) })),
    REFUSED,
  )
  const gone = await person.post('/v1/auth/2fa/disable', { code: phone.code() })
  assert.equal(gone.status, 204)
  const state = ok(await person.get('/v1/auth/2fa'))
  assert.deepEqual([state.enabled, state.backupCodesLeft], [false, 0])
  assert.equal(ok(await world.login(person)).user.id, person.userId)
  assert.deepEqual(refusal(await person.post('/v1/auth/2fa/disable', { code: backupCodes[0] })), [
    409,
    'factor.not_enabled',
  ])
  assert.deepEqual(refusal(await person.post('/v1/auth/2fa/backup/regenerate')), [
    409,
    'factor.not_enabled',
  ])
  const [last] = (await world.eventsOf(person)).filter(
    ({ kind }) => kind === 'second_factor.disabled',
  )
  assert.deepEqual(last!.data, { userId: person.userId, method: 'totp', isLast: true })
})

test('a fresh code is a fresh proof, once', async () => {
  const { person, phone } = await world.protectedPerson()
  clock.advance(6 * MINUTE_MS)
  const code = phone.code()
  const regenerate = () => person.post('/v1/auth/2fa/backup/regenerate')
  assert.deepEqual(refusal(await regenerate()), [403, 'auth.step_up_required'])
  assert.deepEqual(refusal(await person.post('/v1/auth/step-up', { code: wrong(code) })), REFUSED)
  ok(await person.post('/v1/auth/step-up', { code }))
  ok(await regenerate())
  assert.deepEqual(refusal(await person.post('/v1/auth/step-up', { code })), REFUSED)
  const both = await person.post('/v1/auth/step-up', { code, password: person.password })
  assert.equal(both.status, 400)
})

/** What a phone reads: each module of the picture is a square that its path starts at. */
function readQr(svg: string): string {
  const size = Number(/viewBox="0 0 (\d+) /.exec(svg)![1])
  const pixels = size * 8
  const image = {
    width: pixels,
    height: pixels,
    data: new Uint8Array(pixels * pixels * 4).fill(255),
  }
  let [x, y] = [0, 0]
  for (const [, letter, dx, dy] of svg.matchAll(/([Mm])(-?\d+)[ ,]?(-?\d+)/g)) {
    ;[x, y] = letter === 'M' ? [Number(dx), Number(dy)] : [x + Number(dx), y + Number(dy)]
    for (let row = y * 8; row < (y + 1) * 8; row++) {
      const start = (row * pixels + x * 8) * 4
      for (let at = start; at < start + 32; at++) if (at % 4 !== 3) image.data[at] = 0
    }
  }
  return decodeQR(image)
}
