import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { verifyScrypt } from '#kernel/scrypt.ts'
import { startApp } from '#test/app.ts'
import { changedSince, findTunnel, notePorts } from './index.ts'
import { addRelay, addTunnel, link, partsOf, runAgent, unlink } from './test-support.ts'

const app = await startApp({ env: { TUNNEL_DOMAIN: 'tunnels.test', TUNNEL_PORTS: '31000-31002' } })
after(() => app[Symbol.asyncDispose]())
const ctx = app.app.systemContext()
const parts = partsOf(app)

test('what GET gives of a tunnel can be written back, and what cannot change is refused by name', async () => {
  const ann = await app.person('ann')
  const endpoints = [{ url: 'http://127.0.0.1:3000', healthCheck: { kind: 'http', path: '/up' } }]
  const tunnel = await addTunnel(ann, { endpoints })
  const path = `/v1/tunnels/${tunnel.id}`
  const same = await ann.put(path, tunnel)
  assert.deepEqual([same.status, same.body], [200, tunnel])
  const config = { ...tunnel.config, maxConnections: 7 }
  const changed = await ann.put(path, { ...tunnel, config })
  assert.deepEqual([changed.status, changed.body.config.maxConnections], [200, 7])
  const renamed = await ann.put(path, { ...tunnel, name: 'another-name', started: false })
  assert.deepEqual([renamed.status, renamed.body.code], [409, 'tunnel.member_fixed'])
  assert.match(renamed.body.detail, /name, started/)
  const elsewhere = [{ ...tunnel.endpoints[0], url: 'http://127.0.0.1:4000' }]
  const moved = await ann.put(path, { ...tunnel, endpoints: elsewhere })
  assert.match(moved.body.detail, /endpoints/)
  const one = await ann.patch(path, { config: { bandwidthBytesPerSecond: 4096 } })
  assert.deepEqual(one.body.config, { ...config, bandwidthBytesPerSecond: 4096 })
  const none = await ann.patch(path, { config: { bandwidthBytesPerSecond: null } })
  assert.deepEqual(none.body.config, config)
  assert.equal((await ann.patch(path, { name: 'other' })).status, 400)
})

test('a visitor’s password goes in, never out, stays when it is not sent again, and relays get its hash', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, {})
  const path = `/v1/tunnels/${id}/config`
  const auth = { username: 'guest', password: 'plum-harbour-42' }
  const missing = await ann.put(path, { basicAuth: { username: 'guest' } })
  assert.deepEqual([missing.status, missing.body.code], [422, 'tunnel.password_missing'])
  const put = await ann.put(path, { basicAuth: auth })
  assert.deepEqual(put.body.basicAuth, { username: 'guest', hasPassword: true })
  const again = await ann.put(path, { ...put.body, timeoutSeconds: 9 })
  assert.deepEqual(again.body, { ...put.body, timeoutSeconds: 9 })
  const access = await ann.put(`/v1/tunnels/${id}/access`, {
    ...{ policy: 'password', password: 'quiet-lantern-93' },
  })
  assert.deepEqual(access.body, { policy: 'password', addresses: [], hasPassword: true })
  const { spec } = (await findTunnel(ctx, parts, { tunnelId: id }))!
  assert.ok(await verifyScrypt('plum-harbour-42', spec.config.basicAuth!.passwordHash))
  assert.ok(await verifyScrypt('quiet-lantern-93', spec.access.passwordHash!))
  const shown = await ann.get(`/v1/tunnels/${id}`)
  const told = await ctx.db.selectFrom('events').select('data').where('target', '=', id).execute()
  for (const text of [JSON.stringify(shown.body), JSON.stringify(told)]) {
    assert.doesNotMatch(text, /scrypt|plum|lantern/)
  }
})

test('what frames messages or names the visitor is the relay’s, and no rule can set it', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, {})
  const path = `/v1/tunnels/${id}/config`
  const wrong = [
    ...['Content-Length', 'transfer-encoding', 'Host', 'X-Forwarded-For', 'Connection', 'a b'],
    ...['Via', 'http2-settings', 'Set-Cookie'],
  ].map((name) => ({ requestHeaders: { set: { [name]: 'x' } } }))
  const split = { responseHeaders: { set: { 'x-one': 'a\r\nx-two: b' } } }
  const hosts = [{ hostHeader: 'a/b' }, { hostHeader: 'a\nb' }]
  for (const body of [...wrong, split, ...hosts, { maxConnections: 0 }, { unknown: 1 }]) {
    assert.equal((await ann.put(path, body)).status, 400, JSON.stringify(body))
  }
  const cookie = await ann.put(path, { responseHeaders: { set: { 'Set-Cookie': 'a=b' } } })
  assert.match(JSON.stringify(cookie.body), /may be removed, and not set/)
  const rules = { set: { 'x-team': 'shop' }, remove: ['server', 'set-cookie'] }
  assert.equal((await ann.put(path, { responseHeaders: rules })).status, 200)
})

test('a stopped tunnel has no links and takes none until it is started', async () => {
  const ann = await app.person('ann')
  const relayId = await addRelay(app)
  const { id } = await addTunnel(ann, {})
  const { body: run } = await runAgent(ann, [id])
  const { linkId } = await link(app, run.runId, relayId)
  const known = await changedSince(ctx, parts, 0, [id])
  const stop = () => ann.post(`/v1/tunnels/${id}/stop`)
  const replies = await Promise.all([stop(), stop()])
  assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 409])
  const news = await changedSince(ctx, parts, known.revision, [id])
  assert.equal(news.specs[0]?.started, false)
  const shown = (await ann.get(`/v1/tunnels/${id}`)).body
  assert.deepEqual([shown.status, shown.started, shown.links], ['disconnected', false, 0])
  const refused = await link(app, run.runId, relayId, linkId)
  assert.deepEqual([refused.tunnels, refused.refused[0]?.code], [[], 'tunnel.stopped'])
  assert.equal((await runAgent(ann, [id])).body.refused[0].code, 'tunnel.stopped')
  assert.equal((await ann.post(`/v1/tunnels/${id}/start`)).status, 200)
  assert.equal((await ann.post(`/v1/tunnels/${id}/start`)).body.code, 'tunnel.wrong_state')
  const back = await link(app, run.runId, relayId, linkId)
  assert.deepEqual([back.tunnels[0]?.epoch, back.refused], [1, []])
  assert.equal((await ann.get(`/v1/tunnels/${id}`)).body.status, 'connected')
})

test('history tells what happened, the newest first, a page at a time; status tells who holds it', async () => {
  const ann = await app.person('ann')
  const relayId = await addRelay(app)
  const { id } = await addTunnel(ann, {})
  const { body: run } = await runAgent(ann, [id], { host: 'anns-laptop' })
  await link(app, run.runId, relayId)
  const status = (await ann.get(`/v1/tunnels/${id}/status`)).body
  assert.deepEqual(
    status.agents.map((one: { host: string; epoch: number; links: unknown[] }) => {
      return [one.host, one.epoch, one.links.length]
    }),
    [['anns-laptop', 1, 1]],
  )
  const first = (await ann.get(`/v1/tunnels/${id}/history?limit=2`)).body
  const rest = (await ann.get(`/v1/tunnels/${id}/history?limit=2&cursor=${first.nextCursor}`)).body
  const events = [...first.items, ...rest.items].map(({ event }) => event)
  assert.deepEqual(events, ['tunnel.connected', 'tunnel.connecting', 'tunnel.created'])
  assert.deepEqual([rest.nextCursor, rest.items[0].by], [null, ann.userId])
})

test('endpoints come, change and go, and relays hear of each change', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, {})
  const path = `/v1/tunnels/${id}/endpoints`
  const added = await ann.post(path, { url: 'http://127.0.0.1:3000/', agent: 'laptop' })
  assert.deepEqual([added.status, added.body.url], [201, 'http://127.0.0.1:3000'])
  const twice = await ann.post(path, { url: 'http://127.0.0.1:3000', agent: 'laptop' })
  assert.deepEqual([twice.status, twice.body.code], [409, 'tunnel.endpoint_exists'])
  const tcp = await ann.post(path, { url: 'tcp://127.0.0.1:5432' })
  assert.deepEqual([tcp.status, tcp.body.code], [422, 'tunnel.kind_mismatch'])
  for (const url of ['ftp://x', 'http://u:p@x', 'http://x/path', 'tcp://x', 'x', 'http://x?a']) {
    assert.equal((await ann.post(path, { url })).status, 400, url)
  }
  const other = await ann.post(path, { url: 'https://10.0.0.7', priority: 1, weight: 0 })
  const { revision } = await changedSince(ctx, parts, 0, [id])
  const moved = await ann.patch(`${path}/${other.body.id}`, { url: 'http://127.0.0.1:3000' })
  assert.equal(moved.status, 200, 'another agent may have the same address')
  const taken = await ann.patch(`${path}/${other.body.id}`, { agent: 'laptop' })
  assert.deepEqual([taken.status, taken.body.code], [409, 'tunnel.endpoint_exists'])
  assert.equal((await ann.delete(`${path}/${added.body.id}`)).status, 204)
  assert.equal((await ann.delete(`${path}/${added.body.id}`)).status, 404)
  const { specs } = await changedSince(ctx, parts, revision, [id])
  assert.deepEqual(
    specs[0]?.endpoints.map(({ url, priority }) => [url, priority]),
    [['http://127.0.0.1:3000', 1]],
  )
})

test('a deleted tunnel is nowhere, its links neither, and its name comes back to its account alone', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const relayId = await addRelay(app)
  const name = app.unique('kiosk')
  const { id, hostname } = await addTunnel(ann, { name })
  const { body: run } = await runAgent(ann, [id])
  await link(app, run.runId, relayId)
  const { revision } = await changedSince(ctx, parts, 0, [id])
  assert.equal((await ann.delete(`/v1/tunnels/${id}`)).status, 204)
  assert.deepEqual((await changedSince(ctx, parts, revision, [id])).gone, [id])
  assert.equal(await findTunnel(ctx, parts, { hostname }), undefined)
  const late = await link(app, run.runId, relayId)
  assert.deepEqual([late.tunnels, late.refused[0]?.code], [[], 'tunnel.not_found'])
  assert.equal((await ann.get(`/v1/tunnels/${id}`)).status, 404)
  const stolen = await bob.post('/v1/tunnels', { name })
  assert.deepEqual([stolen.status, stolen.body.code], [409, 'tunnel.name_taken'])
  assert.notEqual((await addTunnel(ann, { name })).id, id)
})

test('T62: a name of ours, or that looks like one, is nobody’s, and of another’s name nothing is told', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const reserved = [
    ...['www', 'api', 'admin', 'console', 'gantry', 'mail', 'localhost', 'wpad', 'login'],
    ...['adm1n', 'c0nsole', 'l0g-in', 'my-gantry', 'gantry-login', 'g4ntry', 'ma1l', 'w-w-w'],
    ...['www2', 'ns1', 'xn--80ak6aa92e', 'adrnin', 'mx7'],
  ]
  for (const name of reserved) {
    const answer = await ann.post('/v1/tunnels', { name })
    const code = answer.status === 400 ? 'tunnel.name_reserved' : answer.body.code
    assert.equal(code, 'tunnel.name_reserved', name)
  }
  for (const name of ['-a', 'a-', 'a.b', 'a_b', 'ab', 'x'.repeat(64), 'ſhop', 'shоp']) {
    assert.equal((await ann.post('/v1/tunnels', { name })).status, 400, name)
  }
  const name = app.unique('atelier')
  await addTunnel(ann, { name, kind: 'tcp' })
  const taken = await bob.post('/v1/tunnels', { name: name.toUpperCase() })
  const { detail, correlationId: _, ...told } = taken.body
  assert.equal(told.code, 'tunnel.name_taken')
  assert.equal(detail, `The name ${name} cannot be had.`)
  assert.doesNotMatch(JSON.stringify(taken.body), /acc_|tun_|tcp/)
})

test('a tunnel whose port no relay has open is in error until one has it, and never while another has', async () => {
  const ann = await app.person('ann')
  const { id: tunnelId } = await addTunnel(ann, { kind: 'tcp' })
  const [one, other] = [await addRelay(app), await addRelay(app)]
  const { body: run } = await runAgent(ann, [tunnelId])
  const first = await link(app, run.runId, one)
  await link(app, run.runId, other)
  const shown = async () => {
    const { body } = await ann.get(`/v1/tunnels/${tunnelId}`)
    return [body.status, body.errorMessage]
  }
  const error = 'Port 31000 cannot be opened on the relay: end that program.'
  await notePorts(ctx, one, [{ tunnelId, error }])
  assert.deepEqual(await shown(), ['connected', undefined], 'the other relay has it')
  await notePorts(ctx, other, [{ tunnelId, error }])
  assert.deepEqual(await shown(), ['error', error])
  await notePorts(ctx, one, [{ tunnelId }])
  assert.deepEqual(await shown(), ['connected', undefined])
  await unlink(ctx, first)
  assert.deepEqual(await shown(), ['error', error], 'what is left has no port')
  await notePorts(ctx, other, [{ tunnelId }])
  await notePorts(ctx, other, [{ tunnelId }, { tunnelId: 'tun_nobodys', error }])
  const kinds = await app.eventKinds(ann.accountId)
  const moves = kinds.filter((kind) => ['tunnel.error', 'tunnel.connected'].includes(kind))
  const [bad, good] = ['tunnel.error', 'tunnel.connected']
  assert.deepEqual(moves, [good, bad, good, bad, good])
})
