import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccessGrant } from '#tunnels/index.ts'
import {
  admitted,
  cookiesOf,
  GateScene,
  header,
  headersOf,
  HTML,
  refused,
  request,
  secretHash,
  specOf,
} from './test-support.ts'

const TOKEN: AccessGrant = { id: 'tsh_token', kind: 'token', secretHash: secretHash('s3cret') }
const LINK: AccessGrant = { id: 'tsh_link', kind: 'link', secretHash: secretHash('l1nk') }
const shown = (token: string) => ['Gantry-Tunnel-Token', token]

test('anybody comes to a public tunnel at once, whatever they show', async () => {
  const gate = new GateScene().gates.open(specOf({ grants: [TOKEN] }))
  for (const headers of [[], shown('wrong'), ['Cookie', 'gantry_tunnel=x']]) {
    const judged = gate.judge(request('/', headers))
    assert.ok(!(judged instanceof Promise))
    assert.equal((await admitted(judged)).by, 'public')
  }
  const own = await refused(gate.judge(request('/.gantry/other')))
  assert.equal(own.code, 'tunnel.unknown_own_path')
})

test('the policy token lets in by a token that counts, and tells programs what to send', async () => {
  const scene = new GateScene()
  const ends = scene.clock.now().getTime() + 1000
  const gate = scene.gates.open(
    specOf({ policy: 'token', grants: [LINK, { ...TOKEN, expiresAtMs: ends }] }),
  )
  const let_ = await admitted(gate.judge(request('/', shown('s3cret'))))
  assert.deepEqual([let_.by, let_.grantId, let_.untilMs], ['grant', 'tsh_token', ends])
  for (const headers of [[], shown('wrong'), shown(''), shown('l1nk')]) {
    const { answer, code } = await refused(gate.judge(request('/', headers)))
    assert.deepEqual([answer.status, code], [401, 'tunnel.token_required'])
    const problem = JSON.parse(answer.body)
    assert.match(problem.suggestion, /Gantry-Tunnel-Token/)
    assert.equal(header({ let: false, answer }, 'gantry-tunnel-error'), code)
    assert.equal(header({ let: false, answer }, 'cache-control'), 'no-store')
  }
  scene.clock.advance(1001)
  await refused(gate.judge(request('/', shown('s3cret'))))
  assert.equal(gate.stillAdmits(let_), false)
})

test('an address that tries too many tokens is refused for a while, others and other tunnels are not', async () => {
  const scene = new GateScene()
  const gate = scene.gates.open(specOf({ policy: 'token', grants: [TOKEN] }))
  const other = scene.gates.open(specOf({ policy: 'token', grants: [TOKEN] }, {}, 'tun_other'))
  const from = (ip: string, token: string) => gate.judge(request('/', shown(token), { ip }))
  for (let at = 0; at < 100; at++) await admitted(from('2001:db8::1', 's3cret'))
  const codes = []
  for (let at = 0; at < 12; at++) {
    const ip = `2001:db8::${at.toString(16)}`
    codes.push((await refused(from(ip, `wrong ${at}`))).code)
  }
  assert.deepEqual(codes.slice(9), [
    'tunnel.token_required',
    ...Array(2).fill('tunnel.too_many_tries'),
  ])
  const late = await refused(from('2001:db8::ffff', 's3cret'))
  assert.deepEqual([late.answer.status, header(late, 'retry-after')], [429, '6'])
  await admitted(from('2001:db8:0:1::1', 's3cret'))
  await admitted(other.judge(request('/', shown('s3cret'), { ip: '2001:db8::1' })))
  scene.clock.advance(6_000)
  await admitted(from('2001:db8::1', 's3cret'))
})

test('a link lets in once by its address, then by a cookie, until it is taken back', async () => {
  const scene = new GateScene()
  const spec = specOf({ policy: 'token', grants: [LINK] })
  const gate = scene.gates.open(spec)
  const visit = await refused(gate.judge(request('/a%20b?x=1&gantry_link=l1nk&y=%2F', HTML)))
  assert.equal(visit.answer.status, 303)
  assert.equal(header(visit, 'location'), '/a%20b?x=1&y=%2F')
  const [cookie] = headersOf(visit, 'set-cookie')
  assert.match(cookie!, /^gantry_tunnel=[\w.-]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=2592000$/)
  const back = await admitted(gate.judge(request('/a', cookiesOf(visit))))
  assert.equal(back.grantId, 'tsh_link')
  assert.equal(gate.stillAdmits(back), true)
  gate.apply({ ...spec, access: { ...spec.access, grants: [] } })
  assert.equal(gate.stillAdmits(back), false)
  await refused(gate.judge(request('/a', cookiesOf(visit))))
})

test('a link that is wrong, ended or posted to is refused, and never reaches the service', async () => {
  const scene = new GateScene()
  const now = scene.clock.now().getTime()
  const gate = scene.gates.open(
    specOf({
      policy: 'token',
      grants: [LINK, { ...LINK, id: 'tsh_2', secretHash: secretHash('old'), expiresAtMs: now }],
    }),
  )
  for (const secret of ['wrong', 'old', '', '%0d%0aSet-Cookie: a=b']) {
    const { code, answer } = await refused(gate.judge(request(`/?gantry_link=${secret}`, HTML)))
    assert.deepEqual([code, answer.status], ['tunnel.link_ended', 403])
    assert.ok(!answer.headers.some((text) => /[\r\n]/.test(text)))
  }
  const posted = request('/?gantry_link=l1nk', HTML, { method: 'POST' })
  assert.equal((await refused(gate.judge(posted))).code, 'tunnel.link_ended')
  const visit = await refused(gate.judge(request('/?gantry_link=l1nk')))
  const again = await refused(gate.judge(request('/?gantry_link=l1nk', cookiesOf(visit))))
  assert.equal(header(again, 'location'), '/')
  const open = scene.gates.open(specOf())
  const plain = await refused(open.judge(request('/?gantry_link=any')))
  assert.deepEqual([header(plain, 'location'), headersOf(plain, 'set-cookie')], ['/', []])
})

test('the cookie ends with its grant, its generation and its time', async () => {
  const scene = new GateScene()
  const ends = scene.clock.now().getTime() + 60_000
  const spec = specOf({ policy: 'token', grants: [{ ...LINK, expiresAtMs: ends }] })
  const gate = scene.gates.open(spec)
  const visit = await refused(gate.judge(request('/?gantry_link=l1nk')))
  assert.match(headersOf(visit, 'set-cookie')[0]!, /Max-Age=60$/)
  const kept = cookiesOf(visit)
  const let_ = await admitted(gate.judge(request('/', kept)))
  gate.apply({ ...spec, access: { ...spec.access, generation: 2 } })
  assert.equal(gate.stillAdmits(let_), false)
  await refused(gate.judge(request('/', kept)))
  gate.apply(spec)
  await admitted(gate.judge(request('/', kept)))
  scene.clock.advance(60_001)
  await refused(gate.judge(request('/', kept)))
})

test('T62: the cookie of one tunnel opens no other, and none that was changed opens anything', async () => {
  const scene = new GateScene()
  const spec = specOf({ policy: 'token', grants: [LINK] })
  const gate = scene.gates.open(spec)
  // Even one that has the same key and the same grant.
  const { access } = spec
  const other = scene.gates.open({ ...specOf(access, {}, 'tun_other') })
  const [, cookie = ''] = cookiesOf(await refused(gate.judge(request('/?gantry_link=l1nk'))))
  await admitted(gate.judge(request('/', ['Cookie', cookie])))
  await refused(other.judge(request('/', ['Cookie', cookie])))
  const [name, value = ''] = cookie.split('=')
  const [content = '', mac] = value.split('.')
  const forged = Buffer.from(Buffer.from(content, 'base64url').toString().replace('|1|', '|9|'))
  const values = [
    `${forged.toString('base64url')}.${mac}`,
    `${content}.`,
    content,
    `${value}.x`,
    `${value}A`,
  ]
  for (const bad of values) {
    await refused(gate.judge(request('/', ['Cookie', `${name}=${bad}`])))
  }
  // Whoever may set cookies for the domain shuts nobody out by one of that name.
  await admitted(gate.judge(request('/', ['Cookie', `${name}=tossed; ${cookie}`])))
  const secure = request('/', ['Cookie', cookie], { secure: true })
  await refused(gate.judge(secure))
})

test('a cookie counts among however many lines of others, as HTTP/2 sends them', async () => {
  const gate = new GateScene().gates.open(specOf({ policy: 'token', grants: [LINK] }))
  const kept = cookiesOf(await refused(gate.judge(request('/?gantry_link=l1nk'))))
  const others = Array.from({ length: 40 }, (_, at) => ['cookie', `own${at}=1`]).flat()
  await admitted(gate.judge(request('/', [...others, ...kept])))
})

test('what a cookie lets in is only what pages of the tunnel itself have sent', async () => {
  const gate = new GateScene().gates.open(specOf({ policy: 'token', grants: [LINK, TOKEN] }))
  const kept = cookiesOf(await refused(gate.judge(request('/?gantry_link=l1nk'))))
  const judge = (headers: string[], method = 'GET') =>
    gate.judge(request('/', [...kept, ...headers], { method }))
  const site = (from: string, mode = 'cors', dest = 'empty') => [
    'Sec-Fetch-Site',
    from,
    'Sec-Fetch-Mode',
    mode,
    'Sec-Fetch-Dest',
    dest,
  ]
  await admitted(judge(site('same-origin'), 'POST'))
  await admitted(judge(site('none', 'navigate', 'document')))
  await admitted(judge(site('same-site', 'navigate', 'document')))
  await admitted(judge(['Origin', 'http://shop.localhost'], 'POST'))
  await admitted(judge([...site('same-origin', 'navigate', 'document'), 'Origin', 'null'], 'POST'))
  for (const bad of [
    judge(site('same-site')),
    judge(site('cross-site', 'navigate', 'document'), 'POST'),
    judge(site('same-site', 'navigate', 'iframe')),
    judge(['Origin', 'http://evil.localhost'], 'POST'),
    judge(['Origin', 'null']),
  ]) {
    assert.equal((await refused(bad)).code, 'tunnel.cross_site')
  }
  await admitted(judge([...shown('s3cret'), 'Origin', 'http://evil.localhost'], 'POST'))
})

test('the policy addresses lets in from its ranges alone, of either family and however written', async () => {
  const spec = specOf({ policy: 'addresses', addresses: ['203.0.113.0/24', '2001:db8::/32'] })
  const gate = new GateScene().gates.open(spec)
  const from = (ip: string) => gate.judge(request('/', [], { ip }))
  for (const ip of ['203.0.113.9', '::ffff:203.0.113.9', '2001:db8::9']) {
    assert.equal((await admitted(from(ip))).let, true)
  }
  for (const ip of ['203.0.114.1', '2001:db9::1', '', 'unknown']) {
    const { answer, code } = await refused(from(ip))
    assert.deepEqual([answer.status, code], [403, 'tunnel.address_refused'])
  }
  const let_ = await admitted(from('203.0.113.9'))
  gate.apply({ ...spec, access: { ...spec.access, addresses: ['192.0.2.0/24'] } })
  assert.equal(gate.stillAdmits(let_), false)
})
