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
  PASSWORD_HASH,
  refused,
  request,
  specOf,
} from './test-support.ts'

const USER: AccessGrant = { id: 'tsh_user', kind: 'user' }
const members = { policy: 'members' } as const

/** A visitor who was sent to sign in: what the browser keeps, and what the control plane is told. */
async function begin(gate: ReturnType<GateScene['gates']['open']>, secure = false) {
  const sent = await refused(gate.judge(request('/orders?page=2', HTML, { secure })))
  assert.deepEqual([sent.answer.status, sent.code], [303, 'tunnel.sign_in_required'])
  const url = new URL(header(sent, 'location')!)
  return { url, state: url.searchParams.get('state')!, kept: cookiesOf(sent) }
}

function back(ticket: string, kept: string[], to = '/orders?page=2', secure = false) {
  const query = new URLSearchParams({ ticket, to })
  return request(`/.gantry/visit?${query}`, [...HTML, ...kept], { secure })
}

test('a browser is sent to sign in and comes back, a program is told what to send', async () => {
  const scene = new GateScene()
  const gate = scene.gates.open(specOf(members))
  const { url, state, kept } = await begin(gate)
  assert.equal(url.origin + url.pathname, 'https://gantry.test/api/v1/tunnels/tun_shop/visit')
  assert.equal(url.searchParams.get('to'), 'http://shop.localhost/orders?page=2')
  const ticket = await scene.ticket('tun_shop', `members|usr_ann|${state}`)
  const visit = await refused(gate.judge(back(ticket, kept)))
  assert.equal(header(visit, 'location'), '/orders?page=2')
  const [pass, ended] = headersOf(visit, 'set-cookie')
  assert.match(ended!, /^gantry_visit=; .*Max-Age=0$/)
  const let_ = await admitted(gate.judge(request('/', ['Cookie', pass!.split(';')[0]!])))
  assert.deepEqual([let_.by, let_.person], ['members', 'usr_ann'])
  const { answer } = await refused(gate.judge(request('/', ['Accept', 'application/json'])))
  assert.deepEqual([answer.status, JSON.parse(answer.body).code], [401, 'tunnel.sign_in_required'])
})

test('over TLS the cookies belong to this very host', async () => {
  const scene = new GateScene()
  const gate = scene.gates.open(specOf(members))
  const { url, state, kept } = await begin(gate, true)
  assert.match(url.searchParams.get('to')!, /^https:/)
  assert.match(kept[1]!, /^__Host-gantry_visit=/)
  const ticket = await scene.ticket('tun_shop', `members|usr_ann|${state}`)
  const visit = await refused(gate.judge(back(ticket, kept, '/', true)))
  assert.match(
    headersOf(visit, 'set-cookie')[0]!,
    /^__Host-gantry_tunnel=.*; HttpOnly; .*; Secure$/,
  )
})

test('a ticket counts for one tunnel, one browser and one minute', async () => {
  const scene = new GateScene()
  const gate = scene.gates.open(specOf(members))
  const { state, kept } = await begin(gate)
  const elsewhere = await begin(gate)
  const subject = `members|usr_ann|${state}`
  const ticket = await scene.ticket('tun_shop', subject)
  const [, content = ''] = ticket.split('.')
  for (const [bad, cookies] of [
    [await scene.ticket('tun_other', subject), kept],
    [await scene.ticket('relay', subject), kept],
    [ticket, elsewhere.kept],
    [ticket, []],
    [ticket.replace(content, `${content}x`), kept],
    [await scene.ticket('tun_shop', 'members|usr_ann'), kept],
    [await scene.ticket('tun_shop', `tsh_gone|usr_ann|${state}`), kept],
    ['', kept],
  ] as const) {
    const { code, answer } = await refused(gate.judge(back(bad, [...cookies])))
    assert.deepEqual([code, answer.status], ['tunnel.visit_failed', 403])
    assert.deepEqual(headersOf({ answer }, 'set-cookie'), [])
  }
  scene.clock.advance(100_000)
  assert.equal((await refused(gate.judge(back(ticket, kept)))).code, 'tunnel.visit_failed')
})

test('it leads nowhere but to this host', async () => {
  const scene = new GateScene()
  const gate = scene.gates.open(specOf(members))
  const { state, kept } = await begin(gate)
  const ticket = await scene.ticket('tun_shop', `members|usr_ann|${state}`)
  for (const to of ['//evil.test', 'https://evil.test', '/\\evil.test', '/.gantry/visit?x']) {
    assert.equal(header(await refused(gate.judge(back(ticket, kept, to))), 'location'), '/')
  }
})

test('a person comes by a grant until it is taken back, whatever the policy', async () => {
  for (const policy of ['token', 'members', 'addresses', 'password'] as const) {
    const scene = new GateScene()
    const spec = specOf({ policy, grants: [USER], passwordHash: PASSWORD_HASH })
    const gate = scene.gates.open(spec)
    const sent = await refused(gate.judge(request('/', HTML)))
    const link = header(sent, 'location') ?? /href="([^"]+)"/.exec(sent.answer.body)![1]!
    const state = new URL(link.replaceAll('&amp;', '&')).searchParams.get('state')!
    const ticket = await scene.ticket('tun_shop', `tsh_user|usr_bob|${state}`)
    const visit = await refused(gate.judge(back(ticket, cookiesOf(sent))))
    const kept = ['Cookie', headersOf(visit, 'set-cookie')[0]!.split(';')[0]!]
    const let_ = await admitted(gate.judge(request('/', kept)))
    assert.deepEqual([let_.grantId, let_.person], ['tsh_user', 'usr_bob'])
    gate.apply({ ...spec, access: { ...spec.access, grants: [] } })
    assert.equal(gate.stillAdmits(let_), false)
    await refused(gate.judge(request('/', kept)))
  }
})

test('two tabs of one browser do not undo each other', async () => {
  const scene = new GateScene()
  const gate = scene.gates.open(specOf(members))
  const { state, kept } = await begin(gate)
  const second = await refused(gate.judge(request('/b', [...HTML, ...kept])))
  const other = new URL(header(second, 'location')!).searchParams.get('state')
  assert.deepEqual([other, cookiesOf(second)], [state, kept])
})

test('T62: a ticket of members opens no tunnel that is not for members any more', async () => {
  const scene = new GateScene()
  const spec = specOf({ ...members, grants: [USER] })
  const gate = scene.gates.open(spec)
  const { state, kept } = await begin(gate)
  gate.apply({ ...spec, access: { ...spec.access, policy: 'token' } })
  const ticket = await scene.ticket('tun_shop', `members|usr_ann|${state}`)
  assert.equal((await refused(gate.judge(back(ticket, kept)))).code, 'tunnel.visit_failed')
})
