import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { eventually } from '#kernel/test-support.ts'
import { openScene } from './test-scene.ts'

const scene = await openScene({ TRUSTED_PROXIES: '127.0.0.1' })
const { app, acme } = scene
after(() => scene[Symbol.asyncDispose]())
const ctx = app.app.systemContext()
const { db } = ctx

const ELSEWHERE = { 'x-forwarded-for': '198.51.100.1' }

/** Somebody who came by Acme. */
async function newcomer(name: string) {
  const who = app.unique(name)
  const email = `${who}@example.test`
  acme.people.set(who, { email, email_verified: true })
  const browser = scene.browser(who)
  const { status, body } = await scene.signIn(browser, 'acme')
  assert.equal(status, 200, JSON.stringify(body))
  const headers = { authorization: `Bearer ${body.accessToken}` }
  const send = (method: string, path: string) => app.request(method, path, { headers })
  return { who, email, browser, send, userId: body.user.id as string }
}

test('a copy of what is kept of a person tells the identities that they have linked', async () => {
  const ann = await newcomer('ann')
  const ben = await newcomer('ben')
  const { exportId, operationId } = (await ann.send('POST', '/v1/users/me/export')).body
  await eventually('the export is ready', async () => {
    const { body } = await ann.send('GET', `/v1/operations/${operationId}`)
    return body.status === 'succeeded'
  })
  const { url } = (await ann.send('POST', `/v1/users/me/export/${exportId}/download`)).body
  const text = await (await fetch(url)).text()
  const [only, ...more] = JSON.parse(text).identities
  assert.deepEqual(more, [])
  assert.deepEqual(
    [only.provider, only.issuer, only.subject, only.email],
    ['acme', acme.issuer, ann.who, ann.email],
  )
  assert.ok(only.lastUsedAt)
  assert.ok(!text.includes(ben.who))
})

test('whoever leaves is let in no more; once erased, their identity makes a new user', async () => {
  const ann = await newcomer('ann')
  assert.equal((await ann.send('DELETE', '/v1/users/me')).status, 202)
  const refused = await scene.signIn(ann.browser, 'acme')
  assert.deepEqual([refused.status, refused.body.code], [403, 'oauth.not_admitted'])
  assert.match(refused.body.suggestion, /forgot-password/)

  await sql`update departures set requested_at = now() - interval '31 days', due_at = now() - interval '1 day'
    where user_id = ${ann.userId}`.execute(db)
  const sweep = app.app.capabilities
    .flatMap(({ jobs = [] }) => [...jobs])
    .find(({ name }) => name === 'identity.sweep_departures')!
  await ctx.jobs.send(sweep, {})
  await eventually('the user is erased', async () => {
    const user = db.selectFrom('users').select('status').where('id', '=', ann.userId)
    return (await user.executeTakeFirstOrThrow()).status === 'deleted'
  })
  const rows = db.selectFrom('linkedIdentities').select('id').where('userId', '=', ann.userId)
  assert.deepEqual(await rows.execute(), [])
  const anew = await scene.signIn(ann.browser, 'acme')
  assert.equal(anew.status, 200)
  assert.notEqual(anew.body.user.id, ann.userId)
})

test('an address that nobody may sign in from is refused by providers, too', async () => {
  const ann = await newcomer('ann')
  const root = await app.superAdmin()
  const block = { range: '198.51.100.1', scope: 'sign_in', reason: 'Guesses' }
  const { code } = await scene.visit(ann.browser, 'acme')
  assert.equal((await root.post('/v1/admin/rate-limits/blocks', block)).status, 201)
  const cookie = { cookie: ann.browser.cookies(app.url) }
  const attempts = [
    app.request('GET', '/v1/auth/oauth/acme', { headers: ELSEWHERE }),
    app.request('GET', '/v1/auth/oauth/acme/callback?state=x', { headers: ELSEWHERE }),
    app.request('POST', '/v1/auth/oauth/sign-in', {
      body: { code },
      headers: { ...ELSEWHERE, ...cookie },
    }),
  ]
  for (const { status, body } of await Promise.all(attempts)) {
    assert.deepEqual([status, body.code], [403, 'addresses.sign_in_blocked'])
  }
  const headers = { ...ELSEWHERE, accept: 'text/html' }
  const page = await fetch(`${app.url}/api/v1/auth/oauth/acme`, { redirect: 'manual', headers })
  assert.deepEqual(
    [page.status, new URL(page.headers.get('location') ?? '', app.url).hash],
    [302, '#provider-refused=addresses.sign_in_blocked'],
  )
})
