import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import decodeQR from 'qr/decode.js'
import { eventually } from '#kernel/test-support.ts'
import { listDevMails } from '#notifications/index.ts'
import { finishSignIn } from './finish.ts'
import { byBackupCode, byCode } from './proof.ts'
import { FactorApp, MINUTE_MS, ok, refusal, STEP_MS, tally } from './test-support.ts'

const world = await FactorApp.start()
after(() => world[Symbol.asyncDispose]())
const { app, clock } = world

const REFUSED = [403, 'factor.code_refused']
const OVER = [401, 'factor.challenge_over']
const LOCKED = [429, 'factor.locked']

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

test('T33: a code counts once, also for the sign-in after its own confirmation', async () => {
  const ann = await app.person()
  const phone = world.phoneOf(ok(await ann.post('/v1/auth/2fa/enroll', {})).secret)
  const first = phone.code()
  ok(await ann.post('/v1/auth/2fa/verify', { code: first }))
  const again = await world.verify({ challengeId: await world.challenge(ann), code: first })
  assert.deepEqual(refusal(again), REFUSED)

  clock.advance(STEP_MS)
  const code = phone.code()
  ok(await world.verify({ challengeId: await world.challenge(ann), code }))
  const replay = await world.verify({ challengeId: await world.challenge(ann), code })
  assert.deepEqual(refusal(replay), REFUSED)
  const older = await world.verify({
    challengeId: await world.challenge(ann),
    code: phone.code(-1),
  })
  assert.deepEqual(refusal(older), REFUSED)
})

test('T33: one code in 20 challenges at once signs in once', async () => {
  const { person, phone } = await world.protectedPerson()
  const challenges = await Promise.all(Array.from({ length: 20 }, () => world.challenge(person)))
  const code = phone.code()
  const answers = await Promise.all(
    challenges.map((challengeId) => world.verify({ challengeId, code })),
  )
  const { ok: successes, ...rest } = tally(answers)
  assert.equal(successes, 1, JSON.stringify(rest))
  assert.deepEqual(
    Object.keys(rest).filter((name) => !['factor.code_refused', 'factor.locked'].includes(name)),
    [],
  )
})

test('one challenge that is answered 5 times at once with codes that are right signs in once', async () => {
  const { person, phone } = await world.protectedPerson()
  const challengeId = await world.challenge(person)
  const codes = [phone.code(-1), phone.code(), phone.code(1), phone.code(-1), phone.code()]
  const answers = await Promise.all(codes.map((code) => world.verify({ challengeId, code })))
  assert.equal(tally(answers).ok, 1)
})

test('T33: codes of one step around now count, those of two do not', async () => {
  const { person, phone } = await world.protectedPerson()
  clock.advance(4 * STEP_MS)
  for (const [steps, status] of [
    [-2, 403],
    [2, 403],
    [-1, 200],
    [0, 200],
    [1, 200],
  ] as const) {
    const challengeId = await world.challenge(person)
    const answer = await world.verify({ challengeId, code: phone.code(steps) })
    assert.equal(answer.status, status, `${steps}: ${JSON.stringify(answer.body.code)}`)
  }
})

test('T33: a challenge takes five tries, and the sixth is refused though it is right', async () => {
  const { person, phone } = await world.protectedPerson()
  const challengeId = await world.challenge(person)
  for (let count = 0; count < 5; count++) {
    assert.deepEqual(
      refusal(await world.verify({ challengeId, code: wrong(phone.code()) })),
      REFUSED,
    )
  }
  assert.deepEqual(refusal(await world.verify({ challengeId, code: phone.code() })), OVER)
  ok(await world.verify({ challengeId: await world.challenge(person), code: phone.code() }))
})

test('T33: only six ASCII digits are a code, and no time of the client counts', async () => {
  const { person, phone } = await world.protectedPerson()
  const challengeId = await world.challenge(person)
  const arabic = phone
    .code()
    .replaceAll(/\d/g, (digit) => String.fromCodePoint(0x660 + Number(digit)))
  const strange = [arabic, ` ${phone.code()}`, `${phone.code()}\n`, phone.code().slice(1), '', null]
  for (const code of [...strange, Number(phone.code()), [phone.code()], {}]) {
    const answer = await world.verify({ challengeId, code })
    assert.deepEqual(refusal(answer), [400, 'request.invalid'], JSON.stringify(code))
  }
  for (const more of [{ epoch: 0 }, { time: clock.now().toISOString() }]) {
    const answer = await world.verify({ challengeId, code: phone.code(), ...more })
    assert.equal(answer.status, 400)
  }
  ok(await world.verify({ challengeId, code: phone.code() }))
})

test('after 10 wrong ones over several challenges every factor is locked for 15 minutes, and the person is told', async () => {
  const { person, phone, backupCodes } = await world.protectedPerson()
  const [one, two, three] = [
    await world.challenge(person),
    await world.challenge(person),
    await world.challenge(person),
  ]
  for (const challengeId of [one, two]) {
    for (let count = 0; count < 5; count++) {
      const answer = await world.verify({ challengeId, code: wrong(phone.code()) })
      assert.deepEqual(refusal(answer), REFUSED)
    }
  }
  const locked = await world.verify({ challengeId: three, code: phone.code() })
  assert.deepEqual(refusal(locked), LOCKED)
  assert.equal(locked.headers.get('retry-after'), '900')
  const byBackup = await world.verifyBackup({ challengeId: three, code: backupCodes[0] })
  assert.deepEqual(refusal(byBackup), LOCKED)
  assert.match((await app.mailTo(person.email, 'second_factor_locked')).text, /password/)
  const events = await world.eventsOf(person)
  const reasons = events.filter(({ kind }) => kind === 'second_factor.refused')
  assert.deepEqual(
    reasons.map(({ data }) => data.reason),
    [...Array(10).fill('wrong'), 'locked', 'locked'],
  )

  clock.advance(15 * MINUTE_MS)
  ok(await world.verify({ challengeId: await world.challenge(person), code: phone.code() }))
})

test('a sign-in that succeeds gives nobody more tries', async () => {
  const { person, phone } = await world.protectedPerson()
  for (const [tries, code] of [
    [5, undefined],
    [4, undefined],
    [1, phone.code()],
  ] as const) {
    const challengeId = await world.challenge(person)
    for (let count = 0; count < tries; count++) {
      await world.verify({ challengeId, code: code ?? wrong(phone.code()) })
    }
  }
  clock.advance(STEP_MS)
  const challengeId = await world.challenge(person)
  assert.deepEqual(refusal(await world.verify({ challengeId, code: wrong(phone.code()) })), REFUSED)
  assert.deepEqual(refusal(await world.verify({ challengeId, code: phone.code() })), LOCKED)
})

test('a challenge ends after 5 minutes, after its use, and with another password', async () => {
  const { person, phone } = await world.protectedPerson()
  const used = await world.challenge(person)
  ok(await world.verify({ challengeId: used, code: phone.code() }))
  clock.advance(STEP_MS)
  assert.deepEqual(refusal(await world.verify({ challengeId: used, code: phone.code() })), OVER)

  const old = await world.challenge(person)
  clock.advance(5 * MINUTE_MS)
  assert.deepEqual(refusal(await world.verify({ challengeId: old, code: phone.code() })), OVER)

  const before = await world.challenge(person)
  const { db } = app.app.systemContext()
  await db.updateTable('users').set({ ver: 2 }).where('id', '=', person.userId).execute()
  assert.deepEqual(refusal(await world.verify({ challengeId: before, code: phone.code() })), OVER)
  const unknown = 'A'.repeat(43)
  assert.deepEqual(refusal(await world.verify({ challengeId: unknown, code: phone.code() })), OVER)
})

test('T34: a backup code signs in once, in every spelling, and the last ones are announced', async () => {
  const { person, backupCodes } = await world.protectedPerson()
  const spellings = [
    (code: string) => code,
    (code: string) => code.toLowerCase(),
    (code: string) => code.replaceAll('-', ''),
    (code: string) => code.replaceAll('-', ' ').toLowerCase(),
    (code: string) => code.replaceAll('0', 'o').replaceAll('1', 'L'),
  ]
  for (const [index, spell] of [...spellings, ...spellings].entries()) {
    const challengeId = await world.challenge(person)
    const code = spell(backupCodes[index]!)
    const signedIn = ok(await world.verifyBackup({ challengeId, code }))
    const left = 9 - index
    assert.equal(signedIn.backupCodesLeft, left < 3 ? left : undefined)
  }
  for (const spell of spellings) {
    const challengeId = await world.challenge(person).catch(() => undefined)
    if (!challengeId) break
    const again = await world.verifyBackup({ challengeId, code: spell(backupCodes[0]!) })
    assert.deepEqual(refusal(again), REFUSED)
  }
  await eventually('the mail about the last code', async () => {
    const mails = await listDevMails(app.app.systemContext())
    return mails.find(({ to, text }) => to === person.email && /left: 0/.test(text))
  })
})

test('T34: one backup code in 20 challenges at once signs in once', async () => {
  const { person, backupCodes } = await world.protectedPerson()
  const challenges = await Promise.all(Array.from({ length: 20 }, () => world.challenge(person)))
  const answers = await Promise.all(
    challenges.map((challengeId) => world.verifyBackup({ challengeId, code: backupCodes[3] })),
  )
  assert.equal(tally(answers).ok, 1)
})

test('T34: new backup codes end the old ones', async () => {
  const { person, backupCodes } = await world.protectedPerson()
  const renewed = ok(await person.post('/v1/auth/2fa/backup/regenerate')).backupCodes
  assert.equal(renewed.length, 10)
  const challengeId = await world.challenge(person)
  const old = await world.verifyBackup({ challengeId, code: backupCodes[0] })
  assert.deepEqual(refusal(old), REFUSED)
  ok(await world.verify({ challengeId, code: renewed[0] }, '/api/v1/2fa/backup/verify'))
  const kinds = (await world.eventsOf(person)).map(({ kind }) => kind)
  assert.ok(kinds.includes('backup_codes.regenerated'))
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

test('whoever has tried five codes from one address in vain waits, whosever they were', async () => {
  await using strict = await FactorApp.start({ AUTH_ATTEMPTS: '5' })
  const { person, phone } = await strict.protectedPerson()
  for (let count = 0; count < 5; count++) {
    const challengeId = await strict.challenge(person)
    const answer = await strict.verify({ challengeId, code: wrong(phone.code()) })
    assert.deepEqual(refusal(answer), REFUSED)
  }
  const challengeId = await strict.challenge(person)
  const late = await strict.verify({ challengeId, code: phone.code() })
  assert.deepEqual(refusal(late), [429, 'auth.too_many_attempts'])
})

/** Another code of six digits. */
function wrong(code: string): string {
  return String((Number(code) + 1) % 1_000_000).padStart(6, '0')
}

function claims(accessToken: string): { amr: string[] } {
  return JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString())
}

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

test('a code is not used up by a sign-in whose token could not be signed', async () => {
  const { person, phone, backupCodes } = await world.protectedPerson()
  const { tools } = app.app.identity
  const failing = {
    ...tools,
    tokens: Object.assign(Object.create(tools.tokens) as typeof tools.tokens, {
      issue: () => Promise.reject(new Error('the key is away')),
    }),
  }
  const ctx = app.app.contextFor({ actor: { kind: 'anonymous' } })
  const client = { ipAddress: '127.0.0.1' }
  for (const [proof, again] of [
    [byBackupCode(tools, backupCodes[0]!), backupCodes[0]!],
    [byCode(tools, phone.code()), phone.code()],
  ] as const) {
    const challengeId = await world.challenge(person)
    await assert.rejects(finishSignIn(failing, ctx, { challengeId, proof, client }), /is away/)
    const path = again.length === 6 ? undefined : '/v1/auth/2fa/backup/verify'
    assert.equal((await world.verify({ challengeId, code: again }, path)).status, 200)
  }
})
