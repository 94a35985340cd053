import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Person } from '#test/app.ts'
import { FactorApp, ok, refusal } from './factors/test-support.ts'

const world = await FactorApp.start()
after(() => world[Symbol.asyncDispose]())
const { app } = world

const PASSWORD = 'violet tractor eleven umbrellas'

async function resetByMail({ email }: Person): Promise<void> {
  await app.request('POST', '/v1/auth/forgot-password', { body: { email } })
  const { link } = await app.mailTo(email, 'reset_password')
  const body = { token: /[\w-]{43}/.exec(link!)![0], password: PASSWORD }
  assert.equal((await app.request('POST', '/v1/auth/reset-password', { body })).status, 204)
}

/** Registers somebody with an authenticator app and an API key; tells what the key gets. */
async function withKey(verified: boolean) {
  const { person } = await world.protect(await app.person('ann', { verified }))
  const { key, id } = ok(
    await person.post('/v1/api-keys', { name: 'a program', scopes: ['sessions.*'] }),
  )
  const headers = { authorization: `Bearer ${key}` }
  return { person, id, useKey: () => app.request('GET', '/v1/sessions', { headers }) }
}

test('the first proof of an address by a reset removes the factors and keys that were there before it', async () => {
  const { person, id, useKey } = await withKey(false)
  ok(await useKey())
  await resetByMail(person)
  assert.deepEqual(refusal(await useKey()), [401, 'auth.key_ended'])
  const owner = ok(await world.login({ ...person, password: PASSWORD }))
  const state = ok(await world.as(owner.accessToken, 'GET', '/v1/auth/2fa'))
  assert.deepEqual([state.enabled, state.backupCodesLeft], [false, 0])
  const events = await world.eventsOf(person)
  assert.ok(events.some(({ kind, data }) => kind === 'api_key.revoked' && data.keyId === id))
  assert.ok(events.some(({ kind, data }) => kind === 'second_factor.disabled' && data.isLast))
})

test('a reset leaves the factors and keys of a proven address as they are', async () => {
  const { person, useKey } = await withKey(true)
  await resetByMail(person)
  ok(await useKey())
  const asked = ok(await world.login({ ...person, password: PASSWORD }))
  assert.equal(asked.secondFactorRequired, true)
})
