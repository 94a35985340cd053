import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { finishSignIn } from './finish.ts'
import { byBackupCode, byCode } from './proof.ts'
import { FactorApp, MINUTE_MS, ok, OVER, refusal, REFUSED, STEP_MS, tally } from './test-support.ts'

const world = await FactorApp.start()
after(() => world[Symbol.asyncDispose]())
const { app, clock } = world

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
