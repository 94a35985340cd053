import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { hashScrypt } from '#kernel/scrypt.ts'
import {
  admitted,
  cookiesOf,
  form,
  GateScene,
  header,
  headersOf,
  HTML,
  PASSWORD_HASH,
  refused,
  request,
  specOf,
} from './test-support.ts'

const asks = { policy: 'password', passwordHash: PASSWORD_HASH } as const
const basic = (username: string, password: string) => [
  'Authorization',
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
]
const basicAuth = { username: 'ann', passwordHash: PASSWORD_HASH }

test('a browser gets a page that asks, and a program a problem', async () => {
  const gate = new GateScene().gates.open(specOf(asks))
  const page = await refused(gate.judge(request('/a?b="><script>', HTML)))
  assert.deepEqual([page.answer.status, page.code], [401, 'tunnel.password_required'])
  assert.match(page.answer.body, /<label for="password">/)
  assert.ok(!page.answer.body.includes('<script'))
  assert.match(header(page, 'content-security-policy')!, /default-src 'none'/)
  assert.equal(header(page, 'cache-control'), 'no-store')
  assert.ok(!/Basic/.test(header(page, 'www-authenticate')!))
  for (const sent of [request('/'), request('/', HTML, { method: 'POST' })]) {
    const { answer } = await refused(gate.judge(sent))
    assert.equal(JSON.parse(answer.body).code, 'tunnel.password_required')
  }
})

test('the right password leads to where the visitor wanted to go, and stays in a cookie', async () => {
  const scene = new GateScene()
  const spec = specOf(asks)
  const gate = scene.gates.open(spec)
  const visit = await refused(gate.judge(form({ password: 'open sesame', to: '/a?b=1' })))
  assert.deepEqual([visit.answer.status, header(visit, 'location')], [303, '/a?b=1'])
  const kept = cookiesOf(visit)
  const let_ = await admitted(gate.judge(request('/', kept)))
  assert.equal(let_.by, 'password')
  const passwordHash = await hashScrypt('another', { n: 16, r: 1, p: 1 })
  gate.apply({ ...spec, access: { ...spec.access, passwordHash } })
  assert.equal(gate.stillAdmits(let_), false)
  await refused(gate.judge(request('/', kept)))
  gate.apply({ ...spec, access: { ...spec.access, policy: 'token' } })
  await refused(gate.judge(request('/', kept)))
})

test('it leads nowhere but to this host', async () => {
  const gate = new GateScene().gates.open(specOf(asks))
  const places = [
    ...['//evil.test', '/\\evil.test', '/\t/evil.test', 'https://evil.test/', 'evil', '\\\\evil'],
    ...['/.//evil.test', '/a/..//evil.test', '/.gantry/visit', 'javascript:alert(1)', '/\r\nA: b'],
  ]
  for (const to of places) {
    const { answer } = await refused(gate.judge(form({ password: 'open sesame', to })))
    const location = header({ let: false, answer }, 'location')!
    assert.ok(URL.parse(location, 'http://here.test')?.host === 'here.test', `${to}: ${location}`)
    assert.ok(!/[\r\n]/.test(location) && !location.startsWith('//'), location)
  }
})

test('a wrong password shows the page again, ten times from one address', async () => {
  const scene = new GateScene()
  const gate = scene.gates.open(specOf(asks))
  const codes = []
  for (let at = 0; at < 12; at++) {
    const page = await refused(gate.judge(form({ password: `wrong ${at}`, to: '/a' })))
    codes.push(header(page, 'gantry-tunnel-error'))
    assert.match(page.answer.body, /role="alert"/)
    assert.match(page.answer.body, /value="\/a"/)
    assert.deepEqual(headersOf(page, 'set-cookie'), [])
  }
  const tooMany = 'tunnel.too_many_tries'
  assert.deepEqual(codes.slice(9), ['tunnel.password_wrong', tooMany, tooMany])
  const late = await refused(gate.judge(form({ password: 'open sesame' })))
  assert.equal(late.answer.status, 429)
  const elsewhere = await refused(gate.judge(form({ password: 'open sesame' }, [], '192.0.2.1')))
  assert.equal(elsewhere.answer.status, 303)
})

test('the right password is no try', async () => {
  const gate = new GateScene().gates.open(specOf(asks))
  for (let at = 0; at < 9; at++) await gate.judge(form({ password: `wrong ${at}` }))
  const right = await refused(gate.judge(form({ password: 'open sesame' })))
  assert.equal(right.answer.status, 303)
  const wrong = await refused(gate.judge(form({ password: 'wrong' })))
  assert.equal(header(wrong, 'gantry-tunnel-error'), 'tunnel.password_wrong')
})

test('a form of another site, too long a form and another type are refused', async () => {
  const gate = new GateScene().gates.open(specOf(asks))
  const right = { password: 'open sesame' }
  for (const headers of [
    ['Origin', 'https://evil.test'],
    ['Sec-Fetch-Site', 'same-site'],
  ]) {
    const { code } = await refused(gate.judge(form(right, headers)))
    assert.equal(code, 'tunnel.cross_site')
  }
  const long = await refused(gate.judge(form({ password: 'x'.repeat(10_000) })))
  assert.equal(long.code, 'tunnel.bad_request')
  const json = request('/.gantry/password', ['Content-Type', 'application/json'], {
    ...{ method: 'POST', body: Readable.from([Buffer.from('{}')]) },
  })
  assert.equal((await refused(gate.judge(json))).code, 'tunnel.bad_request')
})

test('basic authentication is checked once, and is not the service’s business', async () => {
  const spec = specOf({}, { basicAuth })
  const gate = new GateScene().gates.open(spec)
  const [first, second] = [basic('ann', 'open sesame'), basic('ann', 'open sesame')]
  const together = [
    admitted(gate.judge(request('/', first))),
    admitted(gate.judge(request('/', second))),
  ]
  assert.deepEqual(
    (await Promise.all(together)).map(({ let: in_ }) => in_),
    [true, true],
  )
  const known = gate.judge(request('/', first))
  assert.ok(!(known instanceof Promise))
  const let_ = await admitted(known)
  assert.equal(let_.withoutAuthorization, true)
  const bad = [
    [],
    basic('bob', 'open sesame'),
    basic('ann', 'wrong'),
    ['Authorization', 'Bearer x'],
  ]
  for (const headers of [...bad, ['Authorization', 'Basic %%%']]) {
    const answer = await refused(gate.judge(request('/', headers)))
    assert.equal(answer.code, 'tunnel.credentials_required')
    assert.match(header(answer, 'www-authenticate')!, /^Basic realm="shop"/)
  }
  const username = 'bob'
  gate.apply({ ...spec, config: { ...spec.config, basicAuth: { ...basicAuth, username } } })
  assert.equal(gate.stillAdmits(let_), false)
  await refused(gate.judge(request('/', first)))
})

test('a password that was right before is refused too to whoever has tried too many', async () => {
  const gate = new GateScene().gates.open(specOf({}, { basicAuth }))
  const from = (ip: string, password: string) =>
    gate.judge(request('/', basic('ann', password), { ip }))
  await admitted(from('192.0.2.1', 'open sesame'))
  for (let at = 0; at < 11; at++) await refused(from('192.0.2.2', `wrong ${at}`))
  assert.equal((await refused(from('192.0.2.2', 'open sesame'))).code, 'tunnel.too_many_tries')
  await admitted(from('192.0.2.1', 'open sesame'))
})

test('what was taken back while a password was checked lets nobody in', async () => {
  const spec = specOf({}, { basicAuth })
  const gate = new GateScene().gates.open(spec)
  const judged = gate.judge(request('/', basic('ann', 'open sesame')))
  gate.apply({ ...spec, access: { ...spec.access, policy: 'token' } })
  assert.equal((await refused(judged)).code, 'tunnel.token_required')
})

test('basic authentication is demanded beside the policy', async () => {
  const gate = new GateScene().gates.open(specOf(asks, { basicAuth }))
  const { code } = await refused(gate.judge(request('/', basic('ann', 'open sesame'))))
  assert.equal(code, 'tunnel.password_required')
  const kept = cookiesOf(await refused(gate.judge(form({ password: 'open sesame' }))))
  assert.equal((await refused(gate.judge(request('/', kept)))).code, 'tunnel.credentials_required')
  await admitted(gate.judge(request('/', [...kept, ...basic('ann', 'open sesame')])))
})
