import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { LATENCY_BOUNDS_MS } from './control.ts'
import { relayJudge } from './judge.ts'
import { LineRing } from './line-ring.ts'
import { addTunnel, fingerprint, joinToken, runAgent, ToldRelay } from './test-support.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const root = await app.superAdmin()
const { relayParts } = app.app

const show = async (id: string) => (await root.get(`/v1/relays/${id}`)).body
const kindsOf = async (id: string) => {
  const rows = await app.app
    .systemContext()
    .db.selectFrom('events')
    .select('kind')
    .where('target', '=', id)
    .orderBy('id')
    .execute()
  return rows.map(({ kind }) => kind)
}

/** Judges until this relay is gone, and with it whoever else is silent. */
async function silence(id: string): Promise<void> {
  const clock = { ms: 0, now: () => new Date(), monotonicMs: () => clock.ms }
  const judge = relayJudge(clock, relayParts)
  const found: string[] = []
  for (; clock.ms <= 32_000; clock.ms += 2_000) {
    found.push(...(await judge.look(app.app.systemContext())))
  }
  assert.ok(found.includes(id))
}

/** A run of an agent that holds one tunnel, and its link to this relay. */
async function linked(relay: ToldRelay, linkId: string) {
  const person = await app.person()
  const tunnel = await addTunnel(person, { name: app.unique('shop') })
  const { body: run } = await runAgent(person, [tunnel.id])
  const link = { linkId, ticket: run.ticket, agentVersion: '1.0.0', ipAddress: '127.0.0.1' }
  const opened = await relay.post('links', link)
  const statusNow = async () => (await person.get(`/v1/tunnels/${tunnel.id}`)).body.status
  return { person, tunnel, run, opened, statusNow }
}

test('a relay joins with a token, beats, drains, is let back and leaves, each announced once', async () => {
  const relay = await ToldRelay.join(app, root)
  assert.equal((await show(relay.id)).status, 'running')
  const beaten = await relay.beat({ facts: { links: 3, streams: 2 } })
  assert.deepEqual([beaten.status, beaten.body.drop, beaten.body.stop], [200, [], undefined])
  const shown = await show(relay.id)
  assert.deepEqual([shown.links, shown.connections, shown.healthStatus], [3, 2, 'healthy'])

  const drained = await root.post(`/v1/relays/${relay.id}/drain`)
  assert.deepEqual([drained.status, drained.body.status], [200, 'draining'])
  assert.equal((await relay.beat()).body.stop, undefined, 'what is only drained stays')
  await root.delete(`/v1/relays/${relay.id}/drain`)
  assert.equal((await show(relay.id)).status, 'running')

  const stopped = await root.post('/v1/proxy/stop', { relayId: relay.id })
  assert.deepEqual([stopped.status, stopped.body.drainReason], [202, 'stopping'])
  assert.ok((await relay.beat()).body.stop.until)
  assert.equal((await relay.leave()).status, 204)
  assert.equal((await show(relay.id)).status, 'stopped')
  assert.deepEqual(await kindsOf(relay.id), [
    ...['relay.joined', 'relay.draining', 'relay.undrained', 'relay.draining', 'relay.stopped'],
  ])
})

test('a relay that goes by itself and beats again is back', async () => {
  const relay = await ToldRelay.join(app, root)
  await relay.beat({ leaving: true, facts: { draining: true } })
  assert.equal((await show(relay.id)).drainReason, 'leaving')
  await relay.leave()
  assert.equal((await show(relay.id)).status, 'stopped')
  assert.equal((await relay.beat()).body.stop, undefined)
  assert.equal((await show(relay.id)).status, 'running')
})

test('a credential counts until the next join, and a token serves one certificate', async () => {
  const relay = new ToldRelay(app)
  const token = await joinToken(root)
  await relay.joinWith(token)
  const { id, credential } = relay
  assert.equal((await relay.joinWith(token)).status, 201, 'the answer may have been lost')
  assert.equal(relay.id, id)
  const old = await app.request('POST', '/v1/relay/leave', {
    body: { sequence: 1 },
    headers: { authorization: `Bearer ${credential}` },
  })
  assert.deepEqual([old.status, old.body.code], [401, 'relay.unauthenticated'])
  const other = await new ToldRelay(app).joinWith(token)
  assert.deepEqual([other.status, other.body.code], [403, 'relay.join_refused'])
  const spared = await new ToldRelay(app).post('watch', { tunnelIds: [] })
  assert.equal(spared.status, 401)
})

test('a relay that was ended comes back with a new token only, whether it was there or away', async () => {
  for (const isAway of [false, true]) {
    const relay = new ToldRelay(app)
    const token = await joinToken(root)
    await relay.joinWith(token)
    await relay.beat()
    if (isAway) await silence(relay.id)
    await root.post('/v1/proxy/stop', { relayId: relay.id })
    if (!isAway) assert.equal((await relay.leave()).status, 204)
    assert.equal((await show(relay.id)).status, 'stopped')

    const { id } = relay
    const beaten = await relay.beat()
    assert.deepEqual([beaten.status, beaten.body.code], [401, 'relay.unauthenticated'])
    assert.equal((await relay.post('watch', { tunnelIds: [] })).status, 401)
    const refused = await relay.joinWith(token)
    assert.deepEqual([refused.status, refused.body.code], [403, 'relay.ended'])
    assert.match(refused.body.suggestion, /Make a new token/)
    assert.equal((await show(id)).status, 'stopped')

    assert.equal((await relay.joinWith(await joinToken(root))).status, 201)
    assert.deepEqual([relay.id, (await show(id)).status], [id, 'running'])
    assert.equal((await relay.beat()).status, 200)
  }
})

test('what a relay has counted last is taken after its end', async () => {
  const relay = await ToldRelay.join(app, root)
  const { person, tunnel } = await linked(relay, 'lnk_last')
  await root.post('/v1/proxy/stop', { relayId: relay.id })
  await relay.leave()
  const counted = {
    ...{ tunnelId: tunnel.id, minute: new Date().toISOString(), requests: 3, failures: 0 },
    ...{ connections: 1, bytesIn: 10, bytesOut: 20, sequence: 1 },
    latency: [0, ...LATENCY_BOUNDS_MS.map(() => 0)],
  }
  const told = await relay.post('usage', { journal: app.unique('journal'), entries: [counted] })
  assert.deepEqual([told.status, told.body], [200, { upTo: 1 }])
  assert.equal((await person.get(`/v1/tunnels/${tunnel.id}/metrics`)).body.total.requests, 3)
})

test('a link of an agent is in the books until its relay closes it, and a wrong ticket opens none', async () => {
  const relay = await ToldRelay.join(app, root)
  const { opened, tunnel, statusNow } = await linked(relay, 'lnk_a')
  assert.equal(opened.status, 200, JSON.stringify(opened.body))
  assert.deepEqual(
    opened.body.tunnels.map(({ spec }: { spec: { id: string } }) => spec.id),
    [tunnel.id],
  )
  assert.equal(await statusNow(), 'connected')
  const other = await ToldRelay.join(app, root)
  await other.post('links/close', { linkId: 'lnk_a' })
  assert.equal(await statusNow(), 'connected', 'no relay closes what is of another one')
  const found = (await other.post('find', { tunnelId: tunnel.id })).body.found
  assert.deepEqual(
    found.relays.map(({ relayId }: { relayId: string }) => relayId),
    [relay.id],
  )
  await relay.post('links/close', { linkId: 'lnk_a' })
  assert.equal(await statusNow(), 'disconnected')
  const refused = await relay.post('links', {
    ...{ linkId: 'lnk_b', ticket: 'none', agentVersion: '1', ipAddress: '127.0.0.1' },
  })
  assert.deepEqual([refused.status, refused.body.code], [401, 'relay.ticket_refused'])
})

test('books and beats are brought together: what is not named is closed, what is not known is to be dropped', async () => {
  const relay = await ToldRelay.join(app, root)
  const { statusNow } = await linked(relay, 'lnk_old')
  await relay.beat({ links: [] })
  assert.equal(
    await statusNow(),
    'connected',
    'a link that is so young may not have been named yet',
  )
  const { db, clock } = app.app.systemContext()
  await db
    .updateTable('tunnelLinks')
    .set({ openedAt: new Date(clock.now().getTime() - 60_000) })
    .where('linkId', '=', 'lnk_old')
    .execute()
  assert.deepEqual((await relay.beat({ links: ['lnk_old', 'lnk_lost'] })).body.drop, ['lnk_lost'])
  assert.equal(await statusNow(), 'connected')
  await relay.beat({ links: [] })
  assert.equal(await statusNow(), 'disconnected')
})

test('a relay that is silent for 30 s is gone and its links with it; it comes back with a beat and is told', async () => {
  const relay = await ToldRelay.join(app, root)
  const { statusNow } = await linked(relay, 'lnk_silent')
  await relay.beat({ links: ['lnk_silent'] })
  await silence(relay.id)
  assert.deepEqual([(await show(relay.id)).status, await statusNow()], ['error', 'disconnected'])

  const back = await relay.beat({ links: ['lnk_silent'] })
  assert.deepEqual([back.body.drop, back.body.tellLinks], [['lnk_silent'], true])
  assert.equal((await show(relay.id)).status, 'running')
  assert.deepEqual(await kindsOf(relay.id), ['relay.joined', 'relay.gone', 'relay.returned'])
})

test('a line of its log that holds what no text may hold keeps back no beat', async () => {
  const relay = await ToldRelay.join(app, root)
  const ring = new LineRing(Date.now())
  const odd = { nul: 'a\0b', half: '\ud83d' }
  const time = new Date().toISOString()
  const msg = `${'x'.repeat(999)}😀`
  ring.write(JSON.stringify({ time, level: 'warn', category: 'relay', msg, ...odd }))
  assert.equal((await relay.beat({ lines: ring.pending(10) })).status, 200)
  const { body } = await root.get(`/v1/relays/${relay.id}/logs`)
  assert.deepEqual(
    body.items.map(({ fields }: { fields: object }) => fields),
    [{ nul: 'ab', half: '\ufffd' }],
  )
})

test('an entry of another version keeps back none of the others that a relay tells', async () => {
  const relay = await ToldRelay.join(app, root)
  const { person, tunnel } = await linked(relay, 'lnk_counted')
  const counted = {
    ...{ tunnelId: tunnel.id, minute: new Date().toISOString(), requests: 3, failures: 0 },
    ...{ connections: 1, bytesIn: 10, bytesOut: 20 },
  }
  const latency = (length: number) => Array.from({ length }, () => 0)
  const entries = [
    { ...counted, sequence: 1, latency: latency(3) },
    { ...counted, sequence: 2, latency: latency(LATENCY_BOUNDS_MS.length + 1) },
  ]
  const told = await relay.post('usage', { journal: app.unique('journal'), entries })
  assert.deepEqual([told.status, told.body], [200, { upTo: 2 }])
  const { body } = await person.get(`/v1/tunnels/${tunnel.id}/metrics`)
  assert.equal(body.total.requests, 3)
})

test('a judge that was held up accuses nobody', async () => {
  const relay = await ToldRelay.join(app, root)
  const clock = { ms: 0, now: () => new Date(), monotonicMs: () => clock.ms }
  const judge = relayJudge(clock, relayParts)
  const ctx = app.app.systemContext()
  for (const ms of [0, 2_000, 40_000, 42_000]) {
    clock.ms = ms
    assert.ok(!(await judge.look(ctx)).includes(relay.id))
  }
})

test('a watch tells at once what is asked for without a place, and wakes when a tunnel or the relay changes', async () => {
  const relay = await ToldRelay.join(app, root)
  const { person, tunnel } = await linked(relay, 'lnk_watched')
  const first = (await relay.post('watch', { tunnelIds: [tunnel.id] })).body
  assert.deepEqual(
    first.specs.map(({ id }: { id: string }) => id),
    [tunnel.id],
  )
  assert.ok(first.peerToken)

  const changed = relay.post('watch', { after: first.after, tunnelIds: [tunnel.id] })
  const config = await person.put(`/v1/tunnels/${tunnel.id}/config`, { maxConnections: 7 })
  assert.equal(config.status, 200, JSON.stringify(config.body))
  let news = (await changed).body
  while (news.specs.length === 0) {
    news = (await relay.post('watch', { after: news.after, tunnelIds: [tunnel.id] })).body
  }
  assert.equal(news.specs[0].config.maxConnections, 7)

  await root.put(`/v1/relays/${relay.id}/config`, { maxConnections: 11, maxLinks: 12 })
  await root.post(`/v1/relays/${relay.id}/drain`)
  await eventually('it is told to drain', async () => {
    news = (await relay.post('watch', { after: news.after, tunnelIds: [] })).body
    return news.drain && news.config.maxConnections === 11
  })
})

test('what a relay logs and carries can be read, also when it is gone', async () => {
  const relay = await ToldRelay.join(app, root)
  const line = {
    at: '2026-11-22T12:00:00.000Z',
    level: 'warn',
    message: 'a link was lost',
  } as const
  const lines = Array.from({ length: 3 }, (_, n) => ({ ...line, sequence: n + 1, fields: { n } }))
  await relay.beat({ lines, facts: { requests: 100, bytesOut: 5_000, uptimeSeconds: 10 } })
  await relay.beat({ lines, facts: { requests: 140, bytesOut: 6_000, uptimeSeconds: 15 } })
  // A process that was started anew begins at nothing.
  await relay.beat({ facts: { requests: 5, bytesOut: 100, uptimeSeconds: 2 } })
  await relay.leave()
  const logs = (await root.get(`/v1/relays/${relay.id}/logs?limit=2`)).body
  assert.deepEqual(
    logs.items.map(({ sequence }: { sequence: number }) => sequence),
    [2, 3],
  )
  const usage = (await root.get(`/v1/relays/${relay.id}/usage`)).body
  assert.deepEqual([usage.requests, usage.bytesOut], [145, 6_100])
  const metrics = (await root.get(`/v1/relays/${relay.id}/metrics`)).body
  assert.ok(metrics.items.length >= 1)
})

test('diagnostics say what is wrong at each hop, and how to cure it', async () => {
  const relay = await ToldRelay.join(app, root)
  const now = new Date(Date.now() - 90_000).toISOString()
  await relay.beat({
    facts: { version: '0.0.9', now, eventLoopDelayMs: 900, error: 'port 20001 is taken' },
  })
  const { body } = await root.get(`/v1/relays/${relay.id}/diagnostics`)
  const wrong = body.checks
    .filter(({ status }: { status: string }) => status === 'failing' || status === 'warning')
    .map(({ check }: { check: string }) => check)
  assert.deepEqual(wrong.sort(), ['clock', 'event loop', 'port', 'reach', 'version'])
  for (const { status, cure } of body.checks) assert.equal(status === 'ok', cure === undefined)
  assert.equal(body.healthStatus, 'unhealthy')
})

test('agents are sent to the relays with the fewest links, to as many as they are to have', async () => {
  const relays = [await ToldRelay.join(app, root), await ToldRelay.join(app, root)]
  const [busy, free] = relays as [ToldRelay, ToldRelay]
  await busy.beat({ facts: { links: 9_000 } })
  await free.beat({ facts: { links: 0 } })
  await root.put('/v1/relays/redundancy', { relaysPerAgent: 4, minimumRelays: 1 })
  const person = await app.person()
  const tunnel = await addTunnel(person, { name: app.unique('many') })
  const ids = async () => {
    const { body } = await runAgent(person, [tunnel.id])
    return body.relays.map(({ id }: { id: string }) => id) as string[]
  }
  const chosen = await ids()
  assert.ok(chosen.length <= 4 && !chosen.includes(busy.id), 'others have fewer links')
  await root.post(`/v1/relays/${free.id}/drain`)
  assert.ok(!(await ids()).includes(free.id), 'one that drains takes none')
  await root.put('/v1/relays/redundancy', { relaysPerAgent: 1, minimumRelays: 1 })
  assert.equal((await ids()).length, 1)
})

test('two who change the rules of scaling at once do not overwrite each other', async () => {
  const before = (await root.get('/v1/relays/scaling')).body
  const written = await root.put('/v1/relays/scaling', { ...before, max: 6 })
  assert.deepEqual([written.status, written.body.max], [200, 6])
  const late = await root.put('/v1/relays/scaling', { ...before, max: 9 })
  assert.deepEqual([late.status, late.body.code], [409, 'relay.settings_changed'])
  const absurd = await root.put('/v1/relays/scaling', { cpuLow: 0.9, cpuHigh: 0.5 })
  assert.equal(absurd.status, 400)
})

test('relays are the operator’s: others see none, and start none where none can be started', async () => {
  const person = await app.person()
  assert.equal((await person.get('/v1/relays')).status, 403)
  assert.equal((await person.post('/v1/proxy/start')).status, 403)
  const refused = await root.post('/v1/proxy/start', { provider: 'local' })
  assert.deepEqual([refused.status, refused.body.code], [409, 'relay.provider_cannot_start'])
  const unknown = await root.get(`/v1/relays/rel_${fingerprint().slice(0, 2)}`)
  assert.deepEqual([unknown.status, unknown.body.code], [404, 'relay.not_found'])
})
