import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { generateSync } from 'otplib'
import type { Answer } from '#test/app.ts'
import { openScene, type Scene } from './test-scene.ts'

const scene = await openScene()
const { app, acme, github } = scene
after(() => scene[Symbol.asyncDispose]())

const PASSWORD = 'violet tractor nine umbrellas'

/** A newcomer from Acme, with a user that has no password. */
async function newcomer(name: string, { app, acme, browser, signIn }: Scene = scene) {
  const who = app.unique(name)
  const email = `${who}@example.test`
  acme.people.set(who, { email, email_verified: true })
  const at = browser(who)
  const { status, body } = await signIn(at, 'acme')
  assert.equal(status, 200, JSON.stringify(body))
  return { who, email, browser: at, token: body.accessToken, user: body.user }
}

function send(token: string, method: string, path: string, body?: unknown): Promise<Answer> {
  return app.request(method, path, { body, headers: { authorization: `Bearer ${token}` } })
}

/** As if the sign-in had been six minutes ago. */
async function letProofsAge(userId: string): Promise<void> {
  const { db } = app.app.systemContext()
  const steppedUpAt = new Date(scene.clock.now().getTime() - 6 * 60_000)
  await db.updateTable('signIns').set({ steppedUpAt }).where('userId', '=', userId).execute()
}

function refusal({ status, body }: Answer) {
  return [status, body.code]
}

/** Goes through a visit that a signed-in person begins; the code that came of it. */
async function visitFor(
  { browser, token }: { browser: ReturnType<Scene['browser']>; token: string },
  purpose: 'link' | 'step-up',
  provider = 'acme',
) {
  const path = `/v1/auth/oauth/${provider}/${purpose}`
  const begun = await scene.use(browser, path, {}, token)
  assert.equal(begun.status, 200, JSON.stringify(begun.body))
  browser.keep(app.url, begun.headers)
  const { hash } = await browser.open(begun.body.authorizationUrl)
  const [place, code] = hash.slice(1).split('=')
  assert.equal(place, `provider-${purpose}`, code)
  return code!
}

test('a newcomer comes from an OpenID provider, and comes back as the same user', async () => {
  const email = `${app.unique('ann')}@example.test`
  acme.people.set('ann', { email, email_verified: true, given_name: 'Ann', family_name: 'Lee' })
  const first = await scene.signIn(scene.browser('ann'), 'acme')
  assert.equal(first.status, 200, JSON.stringify(first.body))
  const { user } = first.body
  assert.deepEqual(
    [user.email, user.emailVerified, user.firstName, user.lastName],
    [email, true, 'Ann', 'Lee'],
  )

  acme.people.set('ann', { email: 'another@example.test', email_verified: true })
  const again = await scene.signIn(scene.browser('ann'), 'acme')
  assert.deepEqual([again.status, again.body.user.id], [200, user.id])
  const kinds = await app.eventKinds(user.accountId)
  assert.deepEqual(
    kinds.filter((kind) => kind.startsWith('user.')),
    ['user.registered', 'user.identity_linked', 'user.signed_in', 'user.signed_in'],
  )
})

test('a newcomer comes from GitHub with the verified primary address', async () => {
  const email = `${app.unique('gil')}@example.test`
  github.people.set('gil', {
    ...{ id: 7, name: 'Gil' },
    emails: [
      { email: 'other@example.test', primary: false, verified: true },
      { email, primary: true, verified: true },
    ],
  })
  const { status, body } = await scene.signIn(scene.browser('gil'), 'github')
  assert.deepEqual([status, body.user?.email, body.user?.emailVerified], [200, email, true])
})

test('without a verified primary address at GitHub nobody gets a user', async () => {
  const email = `${app.unique('una')}@example.test`
  github.people.set('una', {
    ...{ id: 8, name: null },
    emails: [
      { email, primary: true, verified: false },
      { email: `other.${email}`, primary: false, verified: true },
    ],
  })
  const answer = await scene.signIn(scene.browser('una'), 'github')
  assert.deepEqual(refusal(answer), [403, 'oauth.address_missing'])
})

test('the providers are listed with what they can do', async () => {
  const { body } = await app.request('GET', '/v1/auth/oauth')
  assert.deepEqual(body.items, [
    { id: 'github', name: 'GitHub', stepUp: false },
    { id: 'acme', name: 'Acme', stepUp: true },
    { id: 'forger', name: 'Forger', stepUp: true },
  ])
  const unknown = await app.request('GET', '/v1/auth/oauth/google')
  assert.deepEqual(refusal(unknown), [404, 'oauth.provider_unknown'])
})

test('a page gets its session in cookies, and no address ever holds a token', async () => {
  const { browser } = await newcomer('cora')
  const { status, body, headers } = await scene.signIn(browser, 'acme', { session: 'cookie' })
  assert.deepEqual([status, 'accessToken' in body, 'csrfToken' in body], [200, false, true])
  browser.keep(app.url, headers)
  const me = await app.request('GET', '/v1/users/me', {
    headers: { cookie: browser.cookies(app.url) },
  })
  assert.equal(me.status, 200)
  const set = headers.getSetCookie().join('\n')
  assert.match(set, /__Host-gantry_session=[^\n]+SameSite=Strict/)
  const tokens = [...set.matchAll(/gantry_(?:session|refresh)=([^;]+)/g)].map(([, one]) => one!)
  assert.equal(tokens.length, 2)
  for (const token of tokens) assert.ok(!browser.trail.join().includes(token))
})

test('the cookie that binds a visit is for this host and no script, comes back from other sites, and outlives the code', async () => {
  const { headers } = await app.request('GET', '/v1/auth/oauth/acme')
  assert.match(
    headers.get('set-cookie') ?? '',
    /^__Host-gantry_visit=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=720$/,
  )
})

test('a second factor is asked for after a provider, too', async () => {
  const { token, browser, user } = await newcomer('fay')
  const { body: begun } = await send(token, 'POST', '/v1/auth/2fa/enroll', {})
  // Each step counts once; that of the near future is taken, too.
  const code = (stepsAhead: number) =>
    generateSync({
      secret: begun.secret,
      epoch: scene.clock.now().getTime() / 1000 + 30 * stepsAhead,
    })
  const confirmed = await send(token, 'POST', '/v1/auth/2fa/verify', { code: code(0) })
  assert.equal(confirmed.status, 200)
  const asked = await scene.signIn(browser, 'acme')
  assert.deepEqual([asked.status, asked.body.secondFactorRequired], [200, true])
  assert.ok(!('accessToken' in asked.body))

  const proof = { challengeId: asked.body.challengeId, code: code(1) }
  const entered = await app.request('POST', '/v1/auth/2fa/verify', { body: proof })
  assert.deepEqual([entered.status, entered.body.user?.id], [200, user.id])
})

test('a disabled user is refused, and the person can see it', async () => {
  const { browser, user } = await newcomer('dan')
  const { db } = app.app.systemContext()
  await db.updateTable('users').set({ status: 'disabled' }).where('id', '=', user.id).execute()
  const refused = await scene.signIn(browser, 'acme')
  assert.deepEqual(refusal(refused), [403, 'oauth.not_admitted'])
  const records = await db
    .selectFrom('signInRecords')
    .select('result')
    .where('userId', '=', user.id)
    .execute()
  assert.ok(records.some(({ result }) => result === 'disabled'))
  assert.ok((await app.eventKinds(user.accountId)).includes('user.sign_in_failed'))
})

test('what was proven to the provider some time ago is no fresh proof here', async () => {
  const { browser, user } = await newcomer('kim')
  const again = await scene.signIn(browser, 'acme')
  assert.equal(again.body.user.id, user.id)
  const { accessToken } = again.body
  const link = await scene.use(browser, '/v1/auth/oauth/github/link', {}, accessToken)
  assert.deepEqual(refusal(link), [403, 'auth.step_up_required'])
})

test('whoever has no password proves who they are at the provider, afresh and as themselves', async () => {
  const ann = await newcomer('ann')
  await letProofsAge(ann.user.id)
  const path = '/v1/auth/oauth/step-up'
  const asked = await send(ann.token, 'POST', '/v1/auth/step-up', { password: PASSWORD })
  assert.deepEqual(refusal(asked), [409, 'auth.no_password'])

  const code = await visitFor(ann, 'step-up')
  const done = await scene.use(ann.browser, path, { code }, ann.token)
  assert.equal(done.status, 200, JSON.stringify(done.body))
  assert.equal((await send(ann.token, 'POST', '/v1/auth/oauth/acme/link', {})).status, 200)

  await letProofsAge(ann.user.id)
  const other = await newcomer('other')
  ann.browser.forget(acme.issuer)
  ann.browser.setCookie(acme.issuer, 'who', other.who)
  const foreign = { code: await visitFor(ann, 'step-up') }
  const refused = await scene.use(ann.browser, path, foreign, ann.token)
  assert.deepEqual(refusal(refused), [403, 'oauth.not_linked'])
})

test('a provider that does not ask the person again proves nothing', async () => {
  const { forger } = scene
  const sub = app.unique('sub')
  const claims = { sub, email: `${sub}@example.test`, email_verified: true }
  forger.claims = claims
  const browser = scene.browser('x')
  const { body } = await scene.signIn(browser, 'forger')
  const at = { browser, token: body.accessToken as string }
  await letProofsAge(body.user.id)
  const early = Math.floor(scene.clock.now().getTime() / 1000) - 3600
  for (const auth_time of [undefined, early]) {
    forger.claims = { ...claims, auth_time }
    const code = await visitFor(at, 'step-up', 'forger')
    const answer = await scene.use(browser, '/v1/auth/oauth/step-up', { code }, at.token)
    assert.deepEqual(refusal(answer), [403, 'oauth.no_fresh_proof'])
  }
  const link = await send(at.token, 'POST', '/v1/auth/oauth/acme/link', {})
  assert.deepEqual(refusal(link), [403, 'auth.step_up_required'])
  const gitHub = await send(at.token, 'POST', '/v1/auth/oauth/github/step-up', {})
  assert.deepEqual(refusal(gitHub), [403, 'oauth.no_fresh_proof'])
})

test('a person links an identity, signs in with it, and unlinks it; each is mailed', async () => {
  const ann = await app.person('ann')
  const who = app.unique('linked')
  acme.people.set(who, { email: `${who}@elsewhere.test`, email_verified: false })
  const browser = scene.browser(who)
  const code = await visitFor({ browser, token: ann.accessToken }, 'link')
  const path = '/v1/users/me/identities'
  const linked = await scene.use(browser, path, { code }, ann.accessToken)
  assert.deepEqual([linked.status, linked.body.providerName], [201, 'Acme'])
  const mailed = await app.mailTo(ann.email, 'identity_changed')
  assert.match(mailed.subject, /on$/)
  assert.match(mailed.text, /a new password alone does not keep it out/)

  const entered = await scene.signIn(browser, 'acme')
  assert.deepEqual([entered.status, entered.body.user.id], [200, ann.userId])
  const { body } = await ann.get(path)
  assert.deepEqual(
    body.items.map((one: { id: string; email: string }) => [one.id, one.email]),
    [[linked.body.id, `${who}@elsewhere.test`]],
  )

  assert.equal((await ann.delete(`${path}/${linked.body.id}`)).status, 204)
  assert.deepEqual(refusal(await ann.delete(`${path}/${linked.body.id}`)), [
    ...[404, 'oauth.identity_not_found'],
  ])
  const kinds = await app.eventKinds(ann.accountId)
  assert.ok(kinds.includes('user.identity_linked') && kinds.includes('user.identity_unlinked'))
})

test('linking needs a fresh proof, and takes no identity from another user', async () => {
  const [ann, ben] = [await newcomer('ann'), await app.person('ben')]
  const code = await visitFor({ browser: ann.browser, token: ben.accessToken }, 'link')
  const path = '/v1/users/me/identities'
  await letProofsAge(ben.userId)
  const stale = await scene.use(ann.browser, path, { code }, ben.accessToken)
  assert.deepEqual(refusal(stale), [403, 'auth.step_up_required'])
  await ben.post('/v1/auth/step-up', { password: ben.password })
  const taken = await scene.use(ann.browser, path, { code }, ben.accessToken)
  assert.deepEqual(refusal(taken), [409, 'oauth.linked_elsewhere'])

  const foreign = await visitFor({ browser: ann.browser, token: ben.accessToken }, 'link')
  const eve = await app.person('eve')
  const stolen = await scene.use(ann.browser, path, { code: foreign }, eve.accessToken)
  assert.deepEqual(refusal(stolen), [400, 'oauth.code_invalid'])
  const [theirs] = (await send(ann.token, 'GET', path)).body.items
  assert.deepEqual(refusal(await ben.delete(`${path}/${theirs.id}`)), [
    ...[404, 'oauth.identity_not_found'],
  ])
})

test('nobody unlinks their last way in, also not by unlinking two at once', async () => {
  const ann = await newcomer('ann')
  const who = app.unique('second')
  github.people.set(who, { id: Number(/\d+$/.exec(who)![0]) + 1000, name: null, emails: [] })
  ann.browser.setCookie(github.origin, 'who', who)
  const path = '/v1/users/me/identities'
  const [only] = (await send(ann.token, 'GET', path)).body.items
  const last = await send(ann.token, 'DELETE', `${path}/${only.id}`)
  assert.deepEqual(refusal(last), [409, 'oauth.last_way_in'])

  const code = await visitFor(ann, 'link', 'github')
  const linked = await scene.use(ann.browser, path, { code }, ann.token)
  assert.equal(linked.status, 201, JSON.stringify(linked.body))
  const both = await Promise.all(
    [only.id, linked.body.id].map((id) => send(ann.token, 'DELETE', `${path}/${id}`)),
  )
  assert.deepEqual(both.map(({ status }) => status).sort(), [204, 409])
})

test('a user without a password cannot be guessed, and sets one by mail', async () => {
  const ann = await newcomer('ann')
  for (const password of ['', ' ', 'undefined', 'null', PASSWORD]) {
    const body = { email: ann.email, password }
    const { status } = await app.request('POST', '/v1/auth/login', { body })
    assert.ok(status === 401 || status === 400, `${status}`)
  }
  const change = { currentPassword: PASSWORD, newPassword: `${PASSWORD} more` }
  const changed = await send(ann.token, 'POST', '/v1/auth/change-password', change)
  assert.deepEqual(refusal(changed), [409, 'auth.no_password'])

  await app.request('POST', '/v1/auth/forgot-password', { body: { email: ann.email } })
  const { link } = await app.mailTo(ann.email, 'reset_password')
  const body = { token: /=(.+)$/.exec(link!)![1], password: PASSWORD }
  assert.equal((await app.request('POST', '/v1/auth/reset-password', { body })).status, 204)
  const login = { body: { email: ann.email, password: PASSWORD } }
  const { accessToken } = (await app.request('POST', '/v1/auth/login', login)).body
  const [only] = (await send(accessToken, 'GET', '/v1/users/me/identities')).body.items
  const unlinked = await send(accessToken, 'DELETE', `/v1/users/me/identities/${only.id}`)
  assert.equal(unlinked.status, 204)
})

test('a device that is new to the person is mailed to them', async () => {
  const { browser, email } = await newcomer('nia')
  const { code } = await scene.visit(browser, 'acme')
  const entered = await app.request('POST', '/v1/auth/oauth/sign-in', {
    body: { code },
    headers: { cookie: browser.cookies(app.url), 'user-agent': 'another browser' },
  })
  assert.equal(entered.status, 200)
  assert.equal((await app.mailTo(email, 'new_device')).to, email)
})

test('whoever is signed in begins 30 visits in a quarter of an hour, so that nobody fills the table', async () => {
  const { browser, token } = await newcomer('vic')
  const ben = await newcomer('ben')
  const begin = () => scene.use(browser, '/v1/auth/oauth/acme/step-up', {}, token)
  for (let visits = 0; visits < 30; visits++) assert.equal((await begin()).status, 200)
  assert.deepEqual(refusal(await begin()), [429, 'auth.too_many_attempts'])
  const link = await scene.use(browser, '/v1/auth/oauth/acme/link', {}, token)
  assert.deepEqual(refusal(link), [429, 'auth.too_many_attempts'])
  assert.ok(await visitFor(ben, 'step-up'))
})
