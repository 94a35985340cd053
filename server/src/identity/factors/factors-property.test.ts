import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import type { Person } from '#test/app.ts'
import { FactorApp, ok, type Phone, STEP_MS } from './test-support.ts'

const world = await FactorApp.start()
after(() => world[Symbol.asyncDispose]())
const { app, clock } = world

/** What must hold, whatever was done. */
interface Model {
  person: Person
  active?: Phone
  pending?: Phone
  unused: string[]
}

const steps = {
  async enroll(model: Model) {
    const answer = await model.person.post('/v1/auth/2fa/enroll', { code: model.active?.code() })
    model.pending = world.phoneOf(ok(answer).secret)
  },
  async confirm(model: Model) {
    const code = (model.pending ?? model.active)?.code() ?? '000000'
    const answer = await model.person.post('/v1/auth/2fa/verify', { code })
    assert.equal(answer.status, model.pending ? 200 : 409)
    if (!model.pending) return
    model.unused = answer.body.backupCodes
    model.active = model.pending
    delete model.pending
  },
  async disable(model: Model) {
    const code = model.active?.code() ?? '000000'
    const answer = await model.person.post('/v1/auth/2fa/disable', { code })
    assert.equal(answer.status, model.active ? 204 : 409)
    if (!model.active) return
    model.unused = []
    delete model.active
    delete model.pending
  },
  async regenerate(model: Model) {
    const answer = await model.person.post('/v1/auth/2fa/backup/regenerate')
    assert.equal(answer.status, model.active ? 200 : 409)
    if (model.active) model.unused = answer.body.backupCodes
  },
  async signInByBackupCode(model: Model) {
    const code = model.unused.pop()
    if (!code) return
    const challengeId = await world.challenge(model.person)
    ok(await world.verifyBackup({ challengeId, code }))
    const again = await world.challenge(model.person)
    assert.equal((await world.verifyBackup({ challengeId: again, code })).status, 403)
  },
  async signInByApp(model: Model) {
    if (!model.active) return
    const code = model.active.code()
    const challengeId = await world.challenge(model.person)
    ok(await world.verify({ challengeId, code }))
    const again = await world.challenge(model.person)
    assert.equal((await world.verify({ challengeId: again, code })).status, 403)
  },
}

async function check({ person, active, unused }: Model): Promise<void> {
  const state = ok(await person.get('/v1/auth/2fa'))
  assert.equal(state.enabled, active !== undefined)
  assert.equal(state.authenticatorApp !== null, active !== undefined)
  assert.equal(state.backupCodesLeft, unused.length)
  const answer = ok(await world.login(person))
  assert.equal(answer.secondFactorRequired === true, active !== undefined)
}

/** What is about time and about guessing has tests of its own. */
async function settle({ person }: Model): Promise<void> {
  clock.advance(STEP_MS)
  const { db } = app.app.systemContext()
  const now = clock.now()
  await db.deleteFrom('factorTries').where('userId', '=', person.userId).execute()
  await db
    .updateTable('signIns')
    .set({ steppedUpAt: now })
    .where('userId', '=', person.userId)
    .execute()
}

test('in any order of setting up, confirming, renewing, using and giving up, what is asked for is what is there', async () => {
  const names = Object.keys(steps) as (keyof typeof steps)[]
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...names), { minLength: 4, maxLength: 10 }),
      async (order) => {
        const model: Model = { person: await app.person(), unused: [] }
        for (const name of order) {
          await settle(model)
          await steps[name](model)
          await check(model)
        }
      },
    ),
    { numRuns: 6 },
  )
})
