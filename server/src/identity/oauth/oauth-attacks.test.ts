import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { Writable } from 'node:stream'
import { after, beforeEach, test } from 'node:test'
import { generateKeyPair, type JWTPayload } from 'jose'
import { eventually } from '#kernel/test-support.ts'
import type { TestBrowser } from './test-browser.ts'
import { CLIENT } from './test-openid.ts'
import { openScene } from './test-scene.ts'
import { sendJson } from './test-server.ts'

const scene = await openScene()
const { app, acme, forger, begin, comeBack, wayBack } = scene
after(() => scene[Symbol.asyncDispose]())
beforeEach(() => forger.reset())

const REFUSED = [400, 'oauth.answer_refused']

/** A person of Acme with an address of their own, at a browser. */
function somebody(name: string): { browser: TestBrowser; email: string; who: string } {
  const who = app.unique(name)
  const email = `${who}@example.test`
  acme.people.set(who, { email, email_verified: true })
  return { browser: scene.browser(who), email, who }
}

async function outcome(answer: Promise<{ status: number; body: { code?: string } }>) {
  const { status, body } = await answer
  return [status, body.code]
}

/** What comes back from a provider that is allowed to say what it likes. */
async function forged(browser = scene.browser('x')) {
  const back = await wayBack(browser, await begin(browser, 'forger'))
  return outcome(comeBack(browser, 'forger', back.searchParams))
}

async function userWith(email: string) {
  const { db } = app.app.systemContext()
  return db.selectFrom('users').selectAll().where('emailKey', '=', email).executeTakeFirst()
}

test('T59: a state that is missing, made up, of another browser or of another provider is refused', async () => {
  const { browser } = somebody('ann')
  const back = await wayBack(browser, await begin(browser, 'acme'))
  const asked = acme.asked.length
  const without = new URLSearchParams(back.searchParams)
  without.delete('state')
  const madeUp = new URLSearchParams(back.searchParams)
  madeUp.set('state', 'A'.repeat(43))
  const other = scene.browser('eve')
  await begin(other, 'acme')

  assert.deepEqual(await outcome(comeBack(browser, 'acme', without)), REFUSED)
  assert.deepEqual(await outcome(comeBack(browser, 'acme', madeUp)), REFUSED)
  assert.deepEqual(await outcome(comeBack(other, 'acme', back.searchParams)), REFUSED)
  assert.deepEqual(await outcome(comeBack(scene.browser('no'), 'acme', back.searchParams)), REFUSED)
  assert.deepEqual(await outcome(comeBack(browser, 'forger', back.searchParams)), REFUSED)
  assert.equal(acme.asked.length, asked, 'the provider is not asked')

  const twice = `${back.searchParams}&state=${back.searchParams.get('state')}`
  const doubled = comeBack(browser, 'acme', new URLSearchParams(twice))
  assert.deepEqual(await outcome(doubled), [400, 'request.invalid'])
  assert.equal((await comeBack(browser, 'acme', back.searchParams)).status, 200)
})

test('T59: a state counts once, also for two that come at the same time', async () => {
  // This provider gives its answer as often as it is asked, so that nothing but the state decides.
  const browser = scene.browser('x')
  const back = await wayBack(browser, await begin(browser, 'forger'))
  const both = await Promise.all([1, 2].map(() => comeBack(browser, 'forger', back.searchParams)))
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 400])
  assert.deepEqual(await outcome(comeBack(browser, 'forger', back.searchParams)), REFUSED)
})

test('T59: a visit ends after 10 minutes, and its code after 2', async () => {
  const { browser } = somebody('ann')
  const back = await wayBack(browser, await begin(browser, 'acme'))
  scene.clock.forward(10 * 60_000 + 1)
  assert.deepEqual(await outcome(comeBack(browser, 'acme', back.searchParams)), REFUSED)

  const { code } = await scene.visit(browser, 'acme')
  scene.clock.forward(2 * 60_000 + 1)
  const late = scene.use(browser, '/v1/auth/oauth/sign-in', { code })
  assert.deepEqual(await outcome(late), [400, 'oauth.code_invalid'])
})

test('T59: the code of the provider for somebody else, injected into one’s own visit, is refused', async () => {
  const [ann, eve] = [somebody('ann'), somebody('eve')]
  for (const provider of ['acme', 'forger']) {
    const stolen = await wayBack(ann.browser, await begin(ann.browser, provider))
    const own = await wayBack(eve.browser, await begin(eve.browser, provider))
    own.searchParams.set('code', stolen.searchParams.get('code')!)
    assert.deepEqual(await outcome(comeBack(eve.browser, provider, own.searchParams)), REFUSED)
  }
})

test('T59: PKCE is S256, with another verifier for each visit, and its state and nonce are new', async () => {
  const { browser } = somebody('ann')
  const visits = [await begin(browser, 'acme'), await begin(browser, 'acme')]
  for (const { searchParams } of visits) {
    assert.equal(searchParams.get('code_challenge_method'), 'S256')
    assert.match(searchParams.get('code_challenge') ?? '', /^[\w-]{43}$/)
  }
  for (const name of ['code_challenge', 'state', 'nonce']) {
    assert.notEqual(visits[0]!.searchParams.get(name), visits[1]!.searchParams.get(name), name)
  }
})

test('T59: an answer in the name of another issuer, or of none, is refused', async () => {
  forger.back = { iss: acme.issuer }
  assert.deepEqual(await forged(), REFUSED)
  forger.back = { iss: '' }
  assert.deepEqual(await forged(), REFUSED)
})

test('T59: an ID token that is not of this visit, client, issuer or time is refused', async () => {
  const now = Math.floor(Date.now() / 1000)
  const wrong: JWTPayload[] = [
    { nonce: 'another' },
    { nonce: undefined },
    { aud: 'another-client' },
    { aud: [CLIENT.clientId, 'another'], azp: 'another' },
    { iss: acme.issuer },
    { exp: now - 600 },
    { sub: '' },
    { sub: 'x'.repeat(256) },
    { sub: 'with\u0000nul' },
  ]
  for (const claims of wrong) {
    forger.claims = claims
    assert.deepEqual(await forged(), REFUSED, JSON.stringify(claims).slice(0, 80))
  }
  forger.reset()
  assert.equal((await forged())[0], 200)
})

test('T59: an ID token that is unsigned, signed with the client secret, or with a foreign key is refused', async () => {
  const foreign = (await generateKeyPair('ES256')).privateKey
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const unsigned = (alg: string) => (claims: JWTPayload) => `${part({ alg })}.${part(claims)}.`
  forger.sign = unsigned('none')
  assert.deepEqual(await forged(), REFUSED)
  forger.sign = unsigned('ES256')
  assert.deepEqual(await forged(), REFUSED)
  forger.sign = (claims) => {
    const signed = `${part({ alg: 'HS256' })}.${part(claims)}`
    const mac = createHmac('sha256', CLIENT.clientSecret).update(signed).digest('base64url')
    return `${signed}.${mac}`
  }
  assert.deepEqual(await forged(), REFUSED)
  forger.sign = (claims) => forger.signed(claims, foreign)
  assert.deepEqual(await forged(), REFUSED)
})

test('T59: the code of a visit works once, in its browser, for what it was made for', async () => {
  const { browser, who } = somebody('ann')
  const { code } = await scene.visit(browser, 'acme')
  const invalid = [400, 'oauth.code_invalid']
  const path = '/v1/auth/oauth/sign-in'
  const other = scene.browser('eve')
  await begin(other, 'acme')
  assert.deepEqual(await outcome(scene.use(other, path, { code })), invalid)
  const ben = await app.person('ben')
  const link = scene.use(browser, '/v1/users/me/identities', { code }, ben.accessToken)
  assert.deepEqual(await outcome(link), invalid)
  const stepUp = scene.use(browser, '/v1/auth/oauth/step-up', { code }, ben.accessToken)
  assert.deepEqual(await outcome(stepUp), invalid)

  const both = await Promise.all([1, 2].map(() => scene.use(browser, path, { code })))
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 400], who)
})

test('T59: of two first visits of one identity at once, one makes a user', async () => {
  const { browser, email } = somebody('ann')
  const codes = [await scene.visit(browser, 'acme'), await scene.visit(browser, 'acme')]
  const answers = await Promise.all(
    codes.map(({ code }) => scene.use(browser, '/v1/auth/oauth/sign-in', { code })),
  )
  assert.ok(answers.some(({ status }) => status === 200))
  const ids = answers.filter(({ status }) => status === 200).map(({ body }) => body.user.id)
  assert.deepEqual([...new Set(ids)], [(await userWith(email))?.id])
})

test('T59: nobody names the place to go on, nor the host to come back to', async () => {
  const { browser } = somebody('ann')
  for (const place of [
    '//evil.example',
    '/\\evil.example',
    'javascript:alert(1)',
    'https://evil',
  ]) {
    for (const name of ['return_to', 'returnTo', 'redirect_uri', 'next']) {
      const query = new URLSearchParams({ [name]: place })
      const answer = app.request('GET', `/v1/auth/oauth/acme?${query}`)
      assert.deepEqual(await outcome(answer), [400, 'request.invalid'])
    }
  }
  const headers = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }
  const begun = await app.request('GET', '/v1/auth/oauth/acme', { headers })
  const redirect = new URL(begun.body.authorizationUrl).searchParams.get('redirect_uri')
  assert.equal(redirect, `${app.url}/api/v1/auth/oauth/acme/callback`)

  const back = await wayBack(browser, await begin(browser, 'acme'))
  back.searchParams.set('return_to', '//evil.example')
  const end = await browser.open(back.href)
  assert.equal(`${end.origin}${end.pathname}`, `${app.url}/`)
  assert.match(end.hash, /^#provider-sign-in=[\w-]{43}$/)
})

test('T59: whoever registered the address before its owner gains nothing when the owner comes', async () => {
  const { browser, email } = somebody('owner')
  const password = 'plum-harbour-quiet-lantern-93'
  const early = await app.request('POST', '/v1/auth/register', { body: { email, password } })
  assert.equal(early.status, 201)

  const owner = await scene.signIn(browser, 'acme')
  assert.deepEqual([owner.status, owner.body.code], [409, 'oauth.address_in_use'])
  const user = await userWith(email)
  assert.deepEqual([user?.id, user?.emailVerified], [early.body.user.id, false])
  const headers = { authorization: `Bearer ${early.body.accessToken}` }
  const identities = await app.request('GET', '/v1/users/me/identities', { headers })
  assert.deepEqual(identities.body.items, [])
  const kinds = await app.eventKinds(early.body.user.accountId)
  assert.ok(kinds.includes('user.sign_in_failed'), 'whoever has the address is told')
})

test('T59: a user with a proven address is not linked by the address, proven or not', async () => {
  const ann = await app.person('ann')
  for (const verified of [true, false]) {
    const who = app.unique('twin')
    acme.people.set(who, { email: ann.email.toUpperCase(), email_verified: verified })
    const { status, body } = await scene.signIn(scene.browser(who), 'acme')
    assert.deepEqual([status, body.code], [409, 'oauth.address_in_use'])
  }
  assert.deepEqual((await ann.get('/v1/users/me/identities')).body.items, [])
})

test('T59: an address that the provider has not proven is not taken as proven, and its owner can take it back', async () => {
  const email = `${app.unique('victim')}@example.test`
  forger.claims = { sub: app.unique('thief'), email, email_verified: 'no' }
  const browser = scene.browser('thief')
  const thief = await scene.signIn(browser, 'forger')
  assert.deepEqual([thief.status, thief.body.user?.emailVerified], [200, false])

  await app.request('POST', '/v1/auth/forgot-password', { body: { email } })
  const { link } = await app.mailTo(email, 'reset_password')
  const token = /=(.+)$/.exec(link!)![1]
  const password = 'violet tractor nine umbrellas'
  const reset = await app.request('POST', '/v1/auth/reset-password', { body: { token, password } })
  assert.equal(reset.status, 204)
  const after = await scene.signIn(browser, 'forger')
  assert.deepEqual([after.status, after.body.code], [409, 'oauth.address_in_use'])
  const owner = await app.request('POST', '/v1/auth/login', { body: { email, password } })
  assert.deepEqual([owner.status, owner.body.user?.emailVerified], [200, true])
})

test('T59: what a provider says no to is told, and signs nobody in', async () => {
  const nobody = scene.browser('nobody')
  assert.deepEqual(await scene.visit(nobody, 'acme'), {
    place: 'provider-refused',
    code: 'oauth.denied',
  })
  const back = await wayBack(nobody, await begin(nobody, 'acme'))
  assert.deepEqual(await outcome(comeBack(nobody, 'acme', back.searchParams)), [
    403,
    'oauth.denied',
  ])
})

test('a provider that lies about where it is, or leads to a private address, is not followed', async () => {
  await using liar = await openScene()
  const { forger } = liar
  const browser = liar.browser('x')
  forger.metadata = { issuer: 'https://accounts.google.com' }
  await assert.rejects(liar.begin(browser, 'forger'), /oauth.provider_answer_invalid/)
  liar.clock.forward(60_000)
  forger.metadata = { authorization_endpoint: 'javascript:alert(1)' }
  await assert.rejects(liar.begin(browser, 'forger'), /oauth.provider_answer_invalid/)
  liar.clock.forward(60_000)
  // On this machine too, but not the provider: nobody but the operator opens it.
  forger.metadata = { jwks_uri: `${liar.acme.issuer}/jwks` }
  const back = await liar.wayBack(browser, await liar.begin(browser, 'forger'))
  const asked = liar.acme.asked.length
  const answer = liar.comeBack(browser, 'forger', back.searchParams)
  assert.deepEqual(await outcome(answer), [503, 'oauth.provider_unavailable'])
  assert.equal(liar.acme.asked.length, asked)
})

test('a provider that is down, breaks off, or says too much closes only its own door', async () => {
  await using scene = await openScene()
  const { app, forger } = scene
  const unavailable = [503, 'oauth.provider_unavailable']
  const start = () => {
    scene.clock.forward(60_000)
    return outcome(app.request('GET', '/v1/auth/oauth/forger'))
  }
  forger.instead = (_path, response) => {
    response.destroy()
    return true
  }
  assert.deepEqual(await start(), unavailable)
  forger.instead = (_path, response) => {
    sendJson(response, { issuer: forger.issuer, padding: 'x'.repeat(300_000) })
    return true
  }
  assert.deepEqual(await start(), unavailable)
  forger.instead = (_path, response) => {
    response.writeHead(500, { 'content-type': 'text/html' }).end('<p>Oops')
    return true
  }
  assert.deepEqual(await start(), unavailable)
  forger.instead = (_path, response) => {
    response.writeHead(302, { location: `${forger.issuer}/elsewhere` }).end()
    return true
  }
  assert.deepEqual(await start(), [502, 'oauth.provider_answer_invalid'])
  const page = await scene.visit(scene.browser('x'), 'forger')
  assert.deepEqual(page, { place: 'provider-refused', code: 'oauth.provider_answer_invalid' })
  assert.equal((await app.request('GET', '/health')).status, 200)
  assert.equal((await app.request('GET', '/v1/auth/oauth/acme')).status, 200)

  forger.reset()
  assert.equal((await start())[0], 200)
  const browser = scene.browser('x')
  const back = await scene.wayBack(browser, await scene.begin(browser, 'forger'))
  forger.instead = (path, response) => {
    if (path === '/token') response.writeHead(503).end()
    return path === '/token'
  }
  const answer = scene.comeBack(browser, 'forger', back.searchParams)
  assert.deepEqual(await outcome(answer), unavailable)
})

test('the log tells why an answer was refused, and nothing of the person or what was sent', async () => {
  const logged: string[] = []
  const logTo = new Writable({
    write(line: Buffer, _encoding, done) {
      logged.push(line.toString())
      done()
    },
  })
  await using scene = await openScene({ LOG_LEVEL: 'info' }, { logTo })
  const { forger } = scene
  const who = app.unique('canary')
  forger.claims = { sub: who, email: `${who}@example.test`, name: who, aud: 'another-client' }
  const { code } = await scene.visit(scene.browser('x'), 'forger')
  assert.equal(code, 'oauth.answer_refused')
  const line = await eventually('the line of the log', () =>
    logged.find((one) => one.includes('sign-in by a provider refused')),
  )
  assert.match(line, /aud/)
  assert.ok(!logged.join('').includes(who))
})
