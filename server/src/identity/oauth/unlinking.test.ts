import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { generateSync } from 'otplib'
import { eventually } from '#kernel/test-support.ts'
import type { Answer, Person } from '#test/app.ts'
import { lockFactors } from '../factors/holding.ts'
import { revokeAll } from '../sign-ins.ts'
import type { TestBrowser } from './test-browser.ts'
import { openScene } from './test-scene.ts'

const scene = await openScene()
const { app, acme } = scene
after(() => scene[Symbol.asyncDispose]())
const ctx = app.app.systemContext()

const PATH = '/v1/users/me/identities'

/** Somebody with a password, at a browser where Acme knows them. */
async function linker(name: string) {
  const ann = await app.person(name)
  const who = app.unique(name)
  acme.people.set(who, { email: `${who}@elsewhere.test`, email_verified: true })
  return { ann, browser: scene.browser(who) }
}

async function codeToLink(ann: Person, browser: TestBrowser): Promise<string> {
  const path = '/v1/auth/oauth/acme/link'
  const begun = await scene.use(browser, path, {}, ann.accessToken)
  browser.keep(app.url, begun.headers)
  return (await browser.open(begun.body.authorizationUrl)).hash.split('=')[1]!
}

async function link(ann: Person, browser: TestBrowser): Promise<string> {
  const code = await codeToLink(ann, browser)
  const { status, body } = await scene.use(browser, PATH, { code }, ann.accessToken)
  assert.equal(status, 201, JSON.stringify(body))
  return body.id
}

/** Ends every sign-in of the person, as a reset does, after the call has passed its first checks. */
async function endDuring(ann: Person, call: () => Promise<Answer>): Promise<Answer> {
  let answer: Promise<Answer> | undefined
  await ctx.transaction(async (ctx) => {
    await lockFactors(ctx, ann.userId)
    answer = call()
    await eventually('the call waits for the person', async () => {
      const { rows } = await sql`
        select 1 from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))
      `.execute(ctx.db)
      return rows.length > 0
    })
    const { tools } = app.app.identity
    await revokeAll(tools, ctx, { userId: ann.userId, reason: 'password_reset' })
  })
  return answer!
}

test('a reset that comes between keeps the sign-in that it ends from linking and unlinking', async () => {
  const { ann, browser } = await linker('ann')
  const code = await codeToLink(ann, browser)
  const late = await endDuring(ann, () => scene.use(browser, PATH, { code }, ann.accessToken))
  assert.deepEqual([late.status, late.body.code], [403, 'auth.step_up_required'])
  const linked = ctx.db.selectFrom('linkedIdentities').select('id')
  assert.deepEqual(await linked.where('userId', '=', ann.userId).execute(), [])

  const other = await linker('ben')
  const id = await link(other.ann, other.browser)
  const unlinked = await endDuring(other.ann, () => other.ann.delete(`${PATH}/${id}`))
  assert.deepEqual([unlinked.status, unlinked.body.code], [403, 'auth.step_up_required'])
})

/** As the answer of a sign-in says. */
function me({ body }: Answer): Promise<Answer> {
  const headers = { authorization: `Bearer ${body.accessToken}` }
  return app.request('GET', '/v1/users/me', { headers })
}

test('unlinking ends what providers let in elsewhere, and nothing else', async () => {
  const { ann, browser } = await linker('ann')
  const id = await link(ann, browser)
  const { email, password } = ann
  const thief = await scene.signIn(browser, 'acme')
  const other = await app.request('POST', '/v1/auth/login', { body: { email, password } })
  assert.deepEqual([(await me(thief)).status, (await me(other)).status], [200, 200])

  assert.equal((await ann.delete(`${PATH}/${id}`)).status, 204)
  assert.equal((await me(thief)).status, 401)
  const refreshToken = thief.body.refreshToken
  const refreshed = await app.request('POST', '/v1/auth/refresh', { body: { refreshToken } })
  assert.equal(refreshed.status, 401)
  assert.deepEqual([(await me(other)).status, (await ann.get('/v1/users/me')).status], [200, 200])
  const kinds = await app.eventKinds(ann.accountId)
  assert.equal(kinds.filter((kind) => kind === 'user.signed_out').length, 1)
})

test('the device that unlinks stays signed in, also when the identity let it in', async () => {
  const { ann, browser } = await linker('ann')
  const id = await link(ann, browser)
  const own = await scene.signIn(browser, 'acme')
  const headers = { authorization: `Bearer ${own.body.accessToken}` }
  const { password } = ann
  await app.request('POST', '/v1/auth/step-up', { headers, body: { password } })
  assert.equal((await app.request('DELETE', `${PATH}/${id}`, { headers })).status, 204)
  assert.equal((await me(own)).status, 200)
})

test('after an unlinking no second factor finishes a sign-in that a provider began', async () => {
  const { ann, browser } = await linker('ann')
  const id = await link(ann, browser)
  const { body } = await ann.post('/v1/auth/2fa/enroll', {})
  const codeOf = (stepsAhead: number) =>
    generateSync({
      secret: body.secret,
      epoch: scene.clock.now().getTime() / 1000 + 30 * stepsAhead,
    })
  assert.equal((await ann.post('/v1/auth/2fa/verify', { code: codeOf(0) })).status, 200)
  const asked = await scene.signIn(browser, 'acme')
  assert.equal(asked.body.secondFactorRequired, true)

  assert.equal((await ann.delete(`${PATH}/${id}`)).status, 204)
  const proof = { challengeId: asked.body.challengeId, code: codeOf(1) }
  const late = await app.request('POST', '/v1/auth/2fa/verify', { body: proof })
  assert.equal(late.body.code, 'factor.challenge_over')
})
