import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  FactorApp,
  LOCKED,
  MINUTE_MS,
  ok,
  OVER,
  refusal,
  REFUSED,
  STEP_MS,
  wrong,
} from './test-support.ts'

const world = await FactorApp.start()
after(() => world[Symbol.asyncDispose]())
const { app, clock } = world

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
