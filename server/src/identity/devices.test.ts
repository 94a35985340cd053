import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { type Answer, startApp } from '#test/app.ts'

const app = await startApp({ env: { TRUSTED_PROXIES: '127.0.0.1', NODE_ENV: 'development' } })
after(() => app[Symbol.asyncDispose]())
const strict = await startApp({
  env: { AUTH_ATTEMPTS: '5', UNAUTHENTICATED_REQUESTS: '100', TRUSTED_PROXIES: '127.0.0.1' },
})
after(() => strict[Symbol.asyncDispose]())

const NEW_PASSWORD = 'orange bicycle seven lanterns'

function from(ip: string, userAgent = 'Mozilla/5.0 (X11; Linux) Chrome/150.0') {
  return { 'x-forwarded-for': ip, 'user-agent': userAgent }
}

function enter(person: { email: string; password: string }, headers = from('192.0.2.1')) {
  const { email, password } = person
  return app.request('POST', '/v1/auth/login', { body: { email, password }, headers })
}

async function isOut(accessToken: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${accessToken}` }
  return (await app.request('GET', '/v1/users/me', { headers })).status === 401
}

/** The token of the newest mail of this kind. */
async function mailedToken(email: string, template: 'reset_password' | 'verify_email') {
  const { link } = await app.mailTo(email, template)
  assert.ok(link?.startsWith(`${app.url}/#`) === true, link)
  return link.split('=')[1]!
}

test('a person sees their devices, signs one out, then all others, then themselves', async () => {
  const ann = await app.person()
  const [one, two] = [await enter(ann), await enter(ann, from('203.0.113.7', 'curl/8'))]
  const { body } = await ann.get('/v1/users/me/devices')
  assert.equal(body.items.length, 3)
  const [newest] = body.items
  assert.deepEqual([newest.ipAddress, newest.userAgent], ['203.0.113.7', 'curl/8'])
  assert.deepEqual(
    body.items.map(({ current }: { current: boolean }) => current),
    [false, false, true],
  )
  assert.ok(!JSON.stringify(body).includes('gty_rt1'))

  assert.equal((await ann.delete(`/v1/users/me/devices/${newest.id}`)).status, 204)
  assert.deepEqual(
    [await isOut(two.body.accessToken), await isOut(one.body.accessToken)],
    [true, false],
  )
  const again = await ann.delete(`/v1/users/me/devices/${newest.id}`)
  assert.deepEqual([again.status, again.body.code], [404, 'device.not_found'])
  assert.equal((await ann.delete('/v1/users/me/devices')).status, 204)
  assert.deepEqual([await isOut(one.body.accessToken), await isOut(ann.accessToken)], [true, false])
  assert.equal((await ann.post('/v1/auth/logout-all')).status, 204)
  assert.equal(await isOut(ann.accessToken), true)
})

test('nobody signs out the device of another', async () => {
  const [ann, bob] = [await app.person(), await app.person('bob')]
  const { body } = await ann.get('/v1/users/me/devices')
  for (const id of [body.items[0].id, 'sgn_00000000000000000000000000', 'x']) {
    assert.equal((await bob.delete(`/v1/users/me/devices/${id}`)).status, 404)
  }
  assert.equal(await isOut(ann.accessToken), false)
})

test('every attempt is listed with where it came from and how it ended, for its person only', async () => {
  const ann = await app.person()
  await enter({ ...ann, password: 'not the right password' }, from('203.0.113.9', 'evil/1'))
  await enter(ann, from('192.0.2.2'))
  const { body } = await ann.get('/v1/users/me/sign-ins?limit=2')
  assert.deepEqual(
    body.items.map(({ result, ipAddress }: Record<string, string>) => [result, ipAddress]),
    [
      ['signed_in', '192.0.2.2'],
      ['wrong_password', '203.0.113.9'],
    ],
  )
  const rest = await ann.get(`/v1/users/me/sign-ins?cursor=${body.nextCursor}`)
  assert.deepEqual([rest.body.items.length, rest.body.nextCursor], [1, null])
  const bob = await app.person('bob')
  assert.equal((await bob.get('/v1/users/me/sign-ins')).body.items.length, 1)
})

test('a device that was not seen before is told of by mail; the first one, a new version and a neighbouring address are not', async () => {
  const ann = await app.person()
  const newDevices = async () =>
    app.app
      .systemContext()
      .db.selectFrom('mails')
      .select('template')
      .where('toAddress', '=', ann.email)
      .where('template', '=', 'new_device')
      .execute()
  assert.equal((await newDevices()).length, 0)
  await enter(ann, from('192.0.2.3'))
  assert.equal((await newDevices()).length, 1)
  await enter(ann, from('192.0.2.200', 'Mozilla/5.0 (X11; Linux) Chrome/151.7'))
  assert.equal((await newDevices()).length, 1)
  await Promise.all([
    enter(ann, from('192.0.2.3', 'curl/8')),
    enter(ann, from('192.0.2.3', 'curl/8')),
  ])
  assert.equal((await newDevices()).length, 2)
  await enter(ann, from('203.0.113.3'))
  assert.equal((await newDevices()).length, 3)
})

test('an agent with control characters signs in, and its mail has none', async () => {
  const ann = await app.person()
  const odd = await enter(ann, { ...from('198.51.100.4'), 'user-agent': 'odd\tagent\u0085' })
  assert.equal(odd.status, 200)
  const { body } = await ann.get('/v1/users/me/devices')
  assert.equal(body.items[0].userAgent, 'odd agent')
})

test('T30: a link leads to this installation, whatever host the request names', async () => {
  const ann = await app.person()
  const headers = {
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    forwarded: 'host=evil.example',
  }
  const forgot = await app.request('POST', '/v1/auth/forgot-password', {
    body: { email: ann.email },
    headers,
  })
  assert.deepEqual([forgot.status, forgot.body.length], [202, 0])
  const { text, html, link } = await app.mailTo(ann.email, 'reset_password')
  assert.ok(link?.startsWith(`${app.url}/#reset-password=`))
  assert.ok(!`${text}${html}`.includes('evil'))
})

test('a lost password is replaced by the mailed link; T29: tokens of a wrong form never reach the database', async () => {
  const ann = await app.person()
  await app.request('POST', '/v1/auth/forgot-password', { body: { email: ann.email } })
  const token = await mailedToken(ann.email, 'reset_password')
  const reset = (given: unknown) =>
    app.request('POST', '/v1/auth/reset-password', {
      body: { token: given, password: NEW_PASSWORD },
    })
  for (const wrong of [null, '', [], {}, true, [token], { token }, `${token} `, token.slice(1)]) {
    assert.equal((await reset(wrong)).status, 400, JSON.stringify(wrong))
  }
  const missing = await app.request('POST', '/v1/auth/reset-password', {
    body: { password: NEW_PASSWORD },
  })
  assert.equal(missing.status, 400)
  const done = await reset(token)
  assert.deepEqual([done.status, done.headers.getSetCookie()], [204, []])
  assert.equal((await reset(token)).body.code, 'auth.link_invalid')
  assert.equal(await isOut(ann.accessToken), true)
  assert.equal((await enter({ ...ann, password: NEW_PASSWORD })).status, 200)
})

test('the answer to a forgotten password is the same for an address that nobody has', async () => {
  const ann = await app.person()
  const answers = await Promise.all(
    [ann.email, 'nobody.here@example.com'].map(async (email) => {
      const answer = await app.request('POST', '/v1/auth/forgot-password', { body: { email } })
      return [answer.status, answer.body.toString(), answer.headers.get('content-type')]
    }),
  )
  assert.deepEqual(answers[0], answers[1])
})

test('who registers proves their address by the mailed link; until then nothing that lasts is made', async () => {
  const ann = await app.person('new', { verified: false })
  const make = () => ann.post('/v1/api-keys', { name: 'k', scopes: ['sessions.read'] })
  const refused = await make()
  assert.deepEqual([refused.status, refused.body.code], [403, 'auth.email_not_verified'])
  const first = await mailedToken(ann.email, 'verify_email')
  assert.equal((await ann.post('/v1/auth/verify-email/resend')).status, 202)
  const token = await eventually('the second mail', async () => {
    const newest = await mailedToken(ann.email, 'verify_email')
    return newest !== first && newest
  })
  const verify = (given: string) =>
    app.request('POST', '/v1/auth/verify-email', { body: { token: given } })
  assert.equal((await verify(first)).body.code, 'auth.link_invalid')
  assert.equal((await verify(token)).status, 204)
  assert.equal((await ann.get('/v1/users/me')).body.emailVerified, true)
  assert.equal((await make()).status, 201)
})

test('T21: after a change of the password the tokens of every other device are out within 5 seconds', async () => {
  const ann = await app.person()
  const other = await enter(ann)
  const change = { currentPassword: ann.password, newPassword: NEW_PASSWORD }
  const { status, body } = await ann.post('/v1/auth/change-password', change)
  assert.equal(status, 200)
  assert.deepEqual(
    [await isOut(other.body.accessToken), await isOut(ann.accessToken)],
    [true, true],
  )
  assert.equal(await isOut(body.accessToken), false)
})

test('no API key changes what proves who a person is', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/api-keys', { name: 'k', scopes: ['sessions.read'] })
  const headers = { authorization: `Bearer ${body.key}` }
  const tries: [string, string, unknown][] = [
    [
      'POST',
      '/v1/auth/change-password',
      { currentPassword: ann.password, newPassword: NEW_PASSWORD },
    ],
    ['POST', '/v1/auth/change-email', { newEmail: 'x@example.com', password: ann.password }],
    ['POST', '/v1/auth/step-up', { password: ann.password }],
    ['POST', '/v1/auth/logout-all', undefined],
    ['GET', '/v1/users/me/devices', undefined],
    ['DELETE', '/v1/users/me/devices', undefined],
    ['GET', '/v1/users/me/sign-ins', undefined],
  ]
  for (const [method, path, body] of tries) {
    const answer = await app.request(method, path, { body, headers })
    assert.deepEqual([answer.status, answer.body.code], [403, 'auth.key_not_allowed'], path)
  }
})

test('T24: addresses that a client made up before the proxy’s own change nothing', async () => {
  const statuses: number[] = []
  let last: Answer | undefined
  for (let n = 0; n < 7; n++) {
    last = await strict.request('POST', '/v1/auth/login', {
      body: { email: `x${n}@example.com`, password: 'not the right password' },
      headers: { 'x-forwarded-for': `10.0.0.${n}, 198.51.100.1`, forwarded: `for=10.9.9.${n}` },
    })
    statuses.push(last.status)
  }
  assert.ok(last)
  assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429])
  assert.deepEqual([last.body.code, last.body.category], ['auth.too_many_attempts', 'rate_limit'])
  const wait = Number(last.headers.get('retry-after'))
  assert.ok(wait > 0 && wait <= 900)
  assert.equal(last.headers.get('ratelimit-policy'), '"sign_in";q=5;w=900')
  assert.match(last.headers.get('ratelimit')!, /^"sign_in";r=0;t=\d+$/)
})

test('T68: an address without a credential asks 100 times in 15 minutes; others, and tokens that count, are served', async () => {
  const ann = await strict.person()
  const ask = (headers: Record<string, string>) =>
    strict.request('GET', '/v1/users/me', { headers })
  const guess = (n: number) => ask({ ...from('198.51.100.2'), authorization: `Bearer x.y${n}.z` })
  const statuses = await Promise.all(Array.from({ length: 104 }, (_, n) => guess(n)))
  const counts = statuses.map(({ status }) => status).sort()
  assert.deepEqual([counts[99], counts[100]], [401, 429])
  const authorization = `Bearer ${ann.accessToken}`
  assert.equal((await ask({ ...from('198.51.100.2'), authorization })).status, 200)
  assert.equal((await ask(from('198.51.100.3'))).status, 401)
})

test('T70: every refusal of the routes that sign in is a problem without a word of what is inside', async () => {
  const ann = await app.person()
  const answers = await Promise.all([
    enter({ ...ann, password: 'not the right password' }),
    app.request('POST', '/v1/auth/reset-password', {
      body: { token: 'A'.repeat(43), password: NEW_PASSWORD },
    }),
    app.request('POST', '/v1/auth/verify-email', { body: { token: "' or 1=1 --" } }),
    app.request('POST', '/v1/auth/refresh'),
    app.request('POST', '/v1/auth/forgot-password', { body: '{"email":' }),
    ann.post('/v1/auth/step-up', { password: 'not the right password' }),
    ann.delete('/v1/users/me/devices/%27'),
    ann.get('/v1/users/me/sign-ins?cursor=bad'),
  ])
  for (const { status, headers, body } of answers) {
    assert.ok(status >= 400 && status < 500, `${status}`)
    assert.equal(headers.get('content-type'), 'application/problem+json')
    assert.ok(body.code && body.correlationId)
    assert.ok(!/select |insert |node_modules|\.ts:|\/tmp\/|\n +at /.test(JSON.stringify(body)))
  }
})
