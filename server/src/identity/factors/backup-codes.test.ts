import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { listDevMails } from '#notifications/index.ts'
import { FactorApp, ok, refusal, REFUSED, tally } from './test-support.ts'

const world = await FactorApp.start()
after(() => world[Symbol.asyncDispose]())
const { app } = world

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
