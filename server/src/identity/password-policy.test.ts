import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startApp } from '#test/app.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const root = await app.superAdmin()

/** Scored 3 of 4. */
const MIDDLING = 'monkeydragonmaster'
const GOOD = 'violet tractor ten umbrellas'

async function demand(rules: Record<string, number>): Promise<void> {
  const named = Object.entries(rules).map(([name, value]) => [`identity.password_${name}`, value])
  const { status } = await root.put('/v1/admin/config', Object.fromEntries(named))
  assert.equal(status, 200)
}

async function register(password: string): Promise<unknown[]> {
  const body = { email: `${app.unique('chooser')}@example.test`, password }
  const answer = await app.request('POST', '/v1/auth/register', { body })
  return [answer.status, answer.body.code]
}

test('passwords that are chosen are held to what an admin demands, stored ones are not', async () => {
  const ann = await app.person()
  assert.deepEqual(await register(GOOD), [201, undefined])
  await demand({ min_length: 40 })
  try {
    assert.deepEqual(await register(GOOD), [400, 'auth.weak_password'])
    const { status, body } = await app.request('GET', '/v1/auth/password-policy')
    assert.deepEqual([status, body], [200, { minLength: 40, maxLength: 128, minScore: 3 }])
    const change = { currentPassword: ann.password, newPassword: GOOD }
    const refused = await ann.post('/v1/auth/change-password', change)
    assert.deepEqual([refused.status, refused.body.code], [400, 'auth.weak_password'])
    assert.deepEqual(
      refused.body.errors.map(({ path }: { path: string }) => path),
      ['body.newPassword'],
    )
    const { email, password } = ann
    const signedIn = await app.request('POST', '/v1/auth/login', { body: { email, password } })
    assert.equal(signedIn.status, 200)
  } finally {
    await demand({ min_length: 15 })
  }
  assert.deepEqual(await register(GOOD), [201, undefined])
})

test('an admin may demand more than the product, and no less', async () => {
  for (const wrong of [
    { min_length: 14 },
    { min_length: 65 },
    { min_score: 2 },
    { min_score: 5 },
  ]) {
    const [[name, value]] = Object.entries(wrong) as [[string, number]]
    const { status } = await root.put('/v1/admin/config', { [`identity.password_${name}`]: value })
    assert.equal(status, 400, name)
  }
  assert.deepEqual(await register(MIDDLING), [201, undefined])
  await demand({ min_score: 4 })
  try {
    assert.deepEqual(await register(MIDDLING), [400, 'auth.weak_password'])
    assert.deepEqual(await register(GOOD), [201, undefined])
  } finally {
    await demand({ min_score: 3 })
  }
})
