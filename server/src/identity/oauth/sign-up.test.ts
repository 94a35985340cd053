import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openScene, type Scene } from './test-scene.ts'

async function stranger({ app, acme, browser }: Scene, verified = true) {
  const who = app.unique('stranger')
  const email = `${who}@example.test`
  acme.people.set(who, { email, email_verified: verified })
  return { email, at: browser(who) }
}

test('where nobody may register, no provider makes users', async () => {
  await using scene = await openScene({ SIGN_UP: 'closed' })
  const { status, body } = await scene.signIn((await stranger(scene)).at, 'acme')
  assert.deepEqual([status, body.code], [403, 'auth.sign_up_closed'])

  const root = await scene.app.superAdmin()
  for (const [verified, code] of [
    [true, 'oauth.address_in_use'],
    [false, 'auth.sign_up_closed'],
  ] as const) {
    const who = scene.app.unique('same')
    scene.acme.people.set(who, { email: root.email, email_verified: verified })
    const answer = await scene.signIn(scene.browser(who), 'acme')
    assert.equal(answer.body.code, code)
  }
})

test('where only the invited may register, the invited come by a provider that has proven their address', async () => {
  await using scene = await openScene({ SIGN_UP: 'invite' })
  const { app } = scene
  const byInvitation = [403, 'auth.sign_up_by_invitation']
  const uninvited = await scene.signIn((await stranger(scene)).at, 'acme')
  assert.deepEqual([uninvited.status, uninvited.body.code], byInvitation)

  const root = await app.superAdmin()
  const [proven, unproven] = [await stranger(scene), await stranger(scene, false)]
  for (const { email } of [proven, unproven]) {
    const invited = await root.post('/v1/invitations', { email, role: 'viewer' })
    assert.equal(invited.status, 201, JSON.stringify(invited.body))
  }
  const refused = await scene.signIn(unproven.at, 'acme')
  assert.deepEqual([refused.status, refused.body.code], byInvitation)
  const entered = await scene.signIn(proven.at, 'acme')
  assert.deepEqual([entered.status, entered.body.user?.emailVerified], [200, true])

  const { link } = await app.mailTo(proven.email, 'invitation')
  const accepted = await app.request('POST', '/v1/invitations/accept', {
    body: { token: /=(.+)$/.exec(link!)![1] },
    headers: { authorization: `Bearer ${entered.body.accessToken}` },
  })
  assert.equal(accepted.status, 200, JSON.stringify(accepted.body))
})
