import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { CDPSession, Page } from 'playwright-core'
import type { Answer, Person } from '#test/app.ts'
import { WebBrowser } from '#test/web-browser.ts'
import { FactorApp, type Json, MINUTE_MS, ok, refusal } from '../test-support.ts'
import { relyingParty } from './relying-party.ts'

const world = await FactorApp.start()
after(() => world[Symbol.asyncDispose]())
const { app, clock } = world
const browser = await WebBrowser.open()
after(() => browser[Symbol.asyncDispose]())

const REFUSED = [403, 'passkey.refused']

/** A real browser on a page of the server, with an authenticator that its person touches at once. */
class Device implements AsyncDisposable {
  readonly cdp: CDPSession
  readonly authenticatorId: string
  readonly #page: Page

  static async open(): Promise<Device> {
    const visit = await browser.visit(`http://localhost:${new URL(app.url).port}/`)
    const { cdp, authenticatorId } = await visit.giveAuthenticator()
    return new Device(visit.page, cdp, authenticatorId)
  }

  private constructor(page: Page, cdp: CDPSession, authenticatorId: string) {
    this.#page = page
    this.cdp = cdp
    this.authenticatorId = authenticatorId
  }

  /** A call of the page itself. */
  fetch(path: string, body?: object, accessToken?: string): Promise<Answer> {
    const request = { path: `/api${path}`, body: JSON.stringify(body ?? {}), accessToken }
    return this.#page.evaluate(async ({ path, body, accessToken }) => {
      const headers = {
        'content-type': 'application/json',
        ...(accessToken && { authorization: `Bearer ${accessToken}` }),
      }
      const response = await fetch(path, { method: 'POST', headers, body })
      return { status: response.status, headers: response.headers, body: await response.json() }
    }, request)
  }

  /** What `navigator.credentials.create` gives. */
  create(options: object): Promise<object> {
    return this.#page.evaluate(async (options) => {
      const { PublicKeyCredential: passkeys } = globalThis as Json
      const publicKey = passkeys.parseCreationOptionsFromJSON(options)
      const made = await (navigator as Json).credentials.create({ publicKey })
      return made.toJSON()
    }, options)
  }

  /** What `navigator.credentials.get` gives. */
  get(options: object): Promise<Json> {
    return this.#page.evaluate(async (options) => {
      const { PublicKeyCredential: passkeys } = globalThis as Json
      const publicKey = passkeys.parseRequestOptionsFromJSON(options)
      const answer = await (navigator as Json).credentials.get({ publicKey })
      return answer.toJSON()
    }, options)
  }

  async register({ accessToken }: Person, name = 'blue key'): Promise<Json> {
    const path = '/v1/auth/passkeys/register'
    const options = ok(await this.fetch(`${path}/options`, undefined, accessToken))
    const response = await this.create(options)
    return ok(await this.fetch(path, { name, response }, accessToken))
  }

  async options(challengeId?: string): Promise<Json> {
    return ok(
      await this.fetch('/v1/auth/passkeys/login/options', challengeId ? { challengeId } : {}),
    )
  }

  async signIn(change: object = {}): Promise<Answer> {
    const response = await this.get({ ...(await this.options()), ...change })
    return this.fetch('/v1/auth/passkeys/login', { response })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#page.context().close()
  }
}

test('a passkey of a real browser is registered, and signs in alone', async () => {
  await using device = await Device.open()
  const ann = await app.person()
  const made = await device.register(ann)
  assert.equal(made.name, 'blue key')
  assert.equal(made.backupCodes.length, 10)
  const state = ok(await ann.get('/v1/auth/2fa'))
  assert.deepEqual(
    [state.enabled, state.authenticatorApp, state.backupCodesLeft, state.passkeys.length],
    [true, null, 10, 1],
  )

  const signedIn = ok(await device.signIn())
  assert.equal(signedIn.user.id, ann.userId)
  ok(await world.as(signedIn.accessToken, 'GET', '/v1/users/me'))
  const [, payload] = signedIn.accessToken.split('.')
  assert.deepEqual(JSON.parse(Buffer.from(payload, 'base64url').toString()).amr, ['hwk', 'mfa'])
  const [passkey] = ok(await ann.get('/v1/auth/passkeys')).items
  assert.equal(passkey.lastUsedAt, clock.now().toISOString())
  const kinds = (await world.eventsOf(ann)).map(({ kind }) => kind)
  assert.ok(kinds.includes('passkey.added') && kinds.includes('second_factor.enabled'))
  await app.mailTo(ann.email, 'second_factor_changed')
})

test('a passkey is the second factor after a password, of its own person and for its own challenge', async () => {
  await using device = await Device.open()
  const [ann, bob] = [await app.person(), await app.person()]
  await device.register(ann)
  const asked = ok(await world.login(ann))
  assert.deepEqual(asked.methods, ['passkey', 'backup_code'])
  const { challengeId } = asked
  const answer = await device.get(await device.options(challengeId))
  const other = await world.challenge(ann)
  const elsewhere = await device.fetch('/v1/auth/2fa/verify', {
    challengeId: other,
    passkey: answer,
  })
  assert.deepEqual(refusal(elsewhere), REFUSED)
  const alone = await device.fetch('/v1/auth/passkeys/login', { response: answer })
  assert.deepEqual(refusal(alone), REFUSED)
  const finished = ok(await device.fetch('/v1/auth/2fa/verify', { challengeId, passkey: answer }))
  assert.equal(finished.user.id, ann.userId)
  const again = await device.fetch('/v1/auth/2fa/verify', { challengeId, passkey: answer })
  assert.deepEqual(refusal(again), [401, 'factor.challenge_over'])

  await using second = await Device.open()
  await second.register(bob)
  const foreign = await second.get({ ...(await device.options(other)), allowCredentials: [] })
  const asBob = await device.fetch('/v1/auth/2fa/verify', { challengeId: other, passkey: foreign })
  assert.deepEqual(refusal(asBob), REFUSED)
})

test('the answer of a passkey counts once, within 5 minutes, and only to a question of ours', async () => {
  await using device = await Device.open()
  const ann = await app.person()
  await device.register(ann)
  const response = await device.get(await device.options())
  const both = await Promise.all(
    [0, 1].map(() => device.fetch('/v1/auth/passkeys/login', { response })),
  )
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 403])

  const late = await device.get(await device.options())
  clock.advance(5 * MINUTE_MS)
  assert.deepEqual(
    refusal(await device.fetch('/v1/auth/passkeys/login', { response: late })),
    REFUSED,
  )
  const challenge = Buffer.alloc(32, 7).toString('base64url')
  assert.deepEqual(refusal(await device.signIn({ challenge })), REFUSED)
  const good = await device.get(await device.options())
  const signature = Buffer.from(good.response.signature, 'base64url')
  signature[signature.length - 1]! ^= 1
  good.response.signature = signature.toString('base64url')
  assert.deepEqual(
    refusal(await device.fetch('/v1/auth/passkeys/login', { response: good })),
    REFUSED,
  )
})

test('alone, a passkey must have seen that it is the person', async () => {
  await using device = await Device.open()
  const ann = await app.person()
  await device.register(ann)
  const { cdp, authenticatorId } = device
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
  assert.deepEqual(refusal(await device.signIn({ userVerification: 'discouraged' })), REFUSED)
  const challengeId = await world.challenge(ann)
  const passkey = await device.get(await device.options(challengeId))
  ok(await device.fetch('/v1/auth/2fa/verify', { challengeId, passkey }))
})

test('a copy of a passkey that has signed less often is refused and announced', async () => {
  await using device = await Device.open()
  const ann = await app.person()
  await device.register(ann)
  const { cdp, authenticatorId } = device
  const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId })
  const [copy] = credentials
  for (let count = 0; count < 3; count++) ok(await device.signIn())
  const { credentialId } = copy!
  await cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId })
  await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: copy! })
  assert.deepEqual(refusal(await device.signIn()), REFUSED)
  const [event] = (await world.eventsOf(ann)).filter(({ kind }) => kind === 'passkey.refused')
  assert.equal(event!.data.reason, 'counter')
})

test('a passkey goes with a fresh proof only, and with the last one the password is enough', async () => {
  await using device = await Device.open()
  const [ann, bob] = [await app.person(), await app.person()]
  const { id } = await device.register(ann)
  assert.deepEqual(refusal(await bob.delete(`/v1/auth/passkeys/${id}`)), [404, 'passkey.not_found'])
  clock.advance(6 * MINUTE_MS)
  assert.deepEqual(refusal(await ann.delete(`/v1/auth/passkeys/${id}`)), [
    403,
    'auth.step_up_required',
  ])
  const { accessToken } = ok(await device.signIn())
  const removed = await world.as(accessToken, 'DELETE', `/v1/auth/passkeys/${id}`)
  assert.equal(removed.status, 204)
  assert.deepEqual(refusal(await device.signIn()), REFUSED)
  assert.equal(ok(await world.login(ann)).user.id, ann.userId)
  const state = ok(await world.as(accessToken, 'GET', '/v1/auth/2fa'))
  assert.deepEqual([state.enabled, state.backupCodesLeft], [false, 0])
})

test('passkeys belong to the name that the server is reached at', () => {
  const of = (url: string) => {
    const { id, origin } = relyingParty(url)
    return [id, origin]
  }
  assert.deepEqual(of('https://gantry.example'), ['gantry.example', 'https://gantry.example'])
  assert.deepEqual(of('https://g.example:8443'), ['g.example', 'https://g.example:8443'])
  assert.deepEqual(of('http://127.0.0.1:8700'), ['localhost', 'http://localhost:8700'])
  assert.deepEqual(of('http://[::1]:8700'), ['localhost', 'http://localhost:8700'])
  assert.throws(() => of('https://192.0.2.7'), { code: 'passkey.unavailable' })
})
