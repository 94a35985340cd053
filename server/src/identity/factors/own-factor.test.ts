import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import type { Db } from '#kernel/db.ts'
import { eventually } from '#kernel/test-support.ts'
import type { Person } from '#test/app.ts'
import { FactorApp, ok, refusal, STEP_MS } from './test-support.ts'

const world = await FactorApp.start()
after(() => world[Symbol.asyncDispose]())
const { app, clock } = world

const USE_OWN = [403, 'factor.use_own_first']
const { db, newId } = app.app.systemContext()

/** Gives the person a passkey that nobody can use: a sign-in by password that was open before stays what it was. */
async function givePasskey({ userId }: Person): Promise<string> {
  const id = newId('pky')
  await db
    .insertInto('passkeys')
    .values({
      ...{ id, userId, name: 'key', createdAt: clock.now(), signCount: '0', isSynced: false },
      ...{ credentialId: Buffer.from(id), publicKey: Buffer.from('key'), transports: [] },
    })
    .execute()
  return id
}

test('with the password alone nobody adds, replaces or removes a factor of somebody who has one', async () => {
  const ann = await app.person()
  const id = await givePasskey(ann)
  for (const path of ['2fa/enroll', 'passkeys/register/options', '2fa/backup/regenerate']) {
    assert.deepEqual(refusal(await ann.post(`/v1/auth/${path}`)), USE_OWN, path)
  }
  assert.deepEqual(refusal(await ann.delete(`/v1/auth/passkeys/${id}`)), USE_OWN)
  ok(await ann.post('/v1/auth/step-up', { password: ann.password }))
  assert.deepEqual(refusal(await ann.post('/v1/auth/passkeys/register/options')), USE_OWN)
})

test('an app that was begun by password alone is not confirmed once the person has a factor', async () => {
  const ann = await app.person()
  const phone = world.phoneOf(ok(await ann.post('/v1/auth/2fa/enroll', {})).secret)
  await givePasskey(ann)
  const late = await ann.post('/v1/auth/2fa/verify', { code: phone.code() })
  assert.deepEqual(refusal(late), USE_OWN)
  assert.equal(ok(await ann.get('/v1/auth/2fa')).authenticatorApp, null)
})

test('a code opens the way that the password alone does not', async () => {
  const { person, phone } = await world.protectedPerson()
  await world.weaken(person)
  const regenerate = () => person.post('/v1/auth/2fa/backup/regenerate')
  assert.deepEqual(refusal(await regenerate()), USE_OWN)
  ok(await person.post('/v1/auth/step-up', { code: phone.code() }))
  ok(await person.post('/v1/auth/passkeys/register/options'))
  assert.equal(ok(await regenerate()).backupCodes.length, 10)
})

test('a factor that is set up signs out what the password alone had let in, and not who set it up', async () => {
  const ann = await app.person()
  const elsewhere = ok(await world.login(ann))
  const { phone } = await world.protect(ann)
  assert.equal((await world.as(elsewhere.accessToken, 'GET', '/v1/users/me')).status, 401)
  ok(await ann.get('/v1/users/me'))

  const challengeId = await world.challenge(ann)
  const whole = ok(await world.verify({ challengeId, code: phone.code() }))
  clock.advance(2 * STEP_MS)
  const begun = ok(await ann.post('/v1/auth/2fa/enroll', { code: phone.code() }))
  const fresh = world.phoneOf(begun.secret)
  ok(await ann.post('/v1/auth/2fa/verify', { code: fresh.code() }))
  ok(await world.as(whole.accessToken, 'GET', '/v1/users/me'))
})

test('a code confirms the app that it is of, and not one that takes its place at that moment', async () => {
  const ann = await app.person()
  const phone = world.phoneOf(ok(await ann.post('/v1/auth/2fa/enroll', {})).secret)
  const confirming = await db.transaction().execute(async (other) => {
    await other
      .updateTable('totpSecrets')
      .set({ id: `${ann.userId}.other` })
      .where('userId', '=', ann.userId)
      .execute()
    const answer = ann.post('/v1/auth/2fa/verify', { code: phone.code() })
    await eventually('the confirmation waits for the row', () => isWaitedFor(other))
    return { answer }
  })
  assert.deepEqual(refusal(await confirming.answer), [409, 'factor.nothing_pending'])
  assert.equal(ok(await ann.get('/v1/auth/2fa')).enabled, false)
})

test('a sign-in that a reset ends at that moment sets up no factor any more', async () => {
  const ann = await app.person()
  const phone = world.phoneOf(ok(await ann.post('/v1/auth/2fa/enroll', {})).secret)
  const confirming = await db.transaction().execute(async (other) => {
    await other.updateTable('users').set({ ver: 2 }).where('id', '=', ann.userId).execute()
    const answer = ann.post('/v1/auth/2fa/verify', { code: phone.code() })
    await eventually('the confirmation waits for the person', () => isWaitedFor(other))
    await other
      .updateTable('signIns')
      .set({ revokedAt: new Date(), revokedReason: 'password_reset' })
      .where('userId', '=', ann.userId)
      .execute()
    return { answer }
  })
  assert.deepEqual(refusal(await confirming.answer), [401, 'auth.unauthenticated'])
  const active = db.selectFrom('totpSecrets').select('id').where('state', '=', 'active')
  assert.deepEqual(await active.where('userId', '=', ann.userId).execute(), [])
})

/** Whether another transaction waits for this one. */
async function isWaitedFor(tx: Db): Promise<boolean> {
  const { rows } = await sql`
    select 1 from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))
  `.execute(tx)
  return rows.length > 0
}
