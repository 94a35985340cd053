import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { type Person, startApp } from '#test/app.ts'
import { TestClock } from '#test/clock.ts'
import { listDomains } from './domains.ts'
import { changedSince, findTunnel } from './index.ts'
import { checkProof } from './proof.ts'
import { sweep } from './sweep.ts'
import type { TunnelDomainRow } from './tables.ts'
import { TestDns } from '#test/dns.ts'
import { addTunnel, partsOf } from './test-support.ts'

const DAY_MS = 86_400_000
const dns = await TestDns.open()
const clock = new TestClock()
const app = await startApp({
  clock,
  env: {
    ...{ DNS_SERVERS: dns.address, TUNNEL_DOMAIN: 'tunnels.test' },
    RELAY_URL: 'https://relay.gantry.test',
  },
})
after(async () => {
  await app[Symbol.asyncDispose]()
  await dns[Symbol.asyncDispose]()
})
const ctx = app.app.systemContext()
const parts = partsOf(app)

async function claim(person: Person, tunnelId: string, hostname: string) {
  const answer = await person.post(`/v1/tunnels/${tunnelId}/domains`, { hostname })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  const { id, record } = answer.body
  const verify = () => person.post(`/v1/tunnels/${tunnelId}/domains/${id}/verify`)
  return { id, record, verify }
}

async function servedBy(hostname: string): Promise<string | undefined> {
  return (await findTunnel(ctx, parts, { hostname }))?.spec.id
}

function rowOf(id: string): Promise<TunnelDomainRow> {
  return ctx.db
    .selectFrom('tunnelDomains')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
}

const unique = () => `${app.unique('shop')}.example`

test('a domain leads to its tunnel from the moment that its record is found, and not before', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, {})
  const hostname = unique()
  const { record, verify } = await claim(ann, id, `${hostname.toUpperCase()}.`)
  assert.deepEqual(record.name, `_gantry.${hostname}`)
  assert.equal((await verify()).body.code, 'tunnel.domain_unproven')
  dns.records.set(record.name, ['v=spf1 -all', `${record.value}x`])
  assert.equal((await verify()).body.code, 'tunnel.domain_unproven')
  assert.equal(await servedBy(hostname), undefined)
  const { revision } = await changedSince(ctx, parts, 0, [id])
  dns.records.set(record.name, ['v=spf1 -all', record.value])
  const verified = await verify()
  assert.deepEqual([verified.status, verified.body.status], [200, 'verified'])
  assert.equal(await servedBy(hostname), id)
  const news = await changedSince(ctx, parts, revision, [id])
  assert.ok(news.specs[0]?.hostnames.includes(hostname))
  assert.deepEqual((await ann.get(`/v1/tunnels/${id}`)).body.domains, [hostname])
})

test('T62: a domain that somebody serves is taken by nobody whose proof is not the only one', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const [mine, theirs] = [(await addTunnel(ann, {})).id, (await addTunnel(bob, {})).id]
  const hostname = unique()
  const first = await claim(ann, mine, hostname)
  const second = await claim(bob, theirs, hostname)
  assert.notEqual(first.record.value, second.record.value)
  dns.records.set(first.record.name, [first.record.value])
  assert.equal((await first.verify()).status, 200)
  assert.equal((await second.verify()).body.code, 'tunnel.domain_unproven')
  dns.records.set(first.record.name, [first.record.value, second.record.value])
  assert.equal((await second.verify()).body.code, 'tunnel.domain_taken')
  assert.equal(await servedBy(hostname), mine)
  dns.records.set(first.record.name, [second.record.value])
  assert.equal((await second.verify()).status, 200)
  assert.equal(await servedBy(hostname), theirs)
  assert.ok((await app.eventKinds(ann.accountId)).includes('tunnel.domain_lost'))
  const again = await first.verify()
  assert.equal(again.body.code, 'tunnel.domain_unproven')
})

test('T62: what was proven for a tunnel that is gone proves nothing for another', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, {})
  const hostname = unique()
  const first = await claim(ann, id, hostname)
  dns.records.set(first.record.name, [first.record.value])
  await first.verify()
  await ann.delete(`/v1/tunnels/${id}`)
  assert.equal(await servedBy(hostname), undefined)
  const other = await addTunnel(ann, {})
  const second = await claim(ann, other.id, hostname)
  assert.equal((await second.verify()).body.code, 'tunnel.domain_unproven')
})

test('a domain whose record has gone for days leads nowhere; a DNS that is ill takes none away', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, {})
  const hostname = unique()
  const { id: domainId, record, verify } = await claim(ann, id, hostname)
  dns.records.set(record.name, [record.value])
  await verify()
  const check = async () => checkProof(ctx, parts, await rowOf(domainId))
  clock.advance(3 * DAY_MS)
  dns.isIll = true
  await check()
  dns.isIll = false
  assert.equal(await servedBy(hostname), id)
  await check()
  dns.records.delete(record.name)
  clock.advance(DAY_MS)
  await check()
  assert.equal(await servedBy(hostname), id)
  clock.advance(2 * DAY_MS)
  await check()
  assert.equal(await servedBy(hostname), undefined)
  const [shown] = await listDomains(ann.ctx, id)
  assert.deepEqual([shown?.status, shown?.lastError], ['pending', 'the record has gone'])
  clock.advance(8 * DAY_MS)
  await sweep(ctx)
  assert.deepEqual(await listDomains(ann.ctx, id), [])
})

test('a tunnel that is started again has its domains looked at', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, {})
  const { id: domainId, record, verify } = await claim(ann, id, unique())
  dns.records.set(record.name, [record.value])
  await verify()
  await ann.post(`/v1/tunnels/${id}/stop`)
  dns.records.delete(record.name)
  await ann.post(`/v1/tunnels/${id}/start`)
  await eventually('the look', async () => (await rowOf(domainId)).lastError !== null)
})

test('hosts of the service, and what is above or below them, are nobody’s', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, {})
  const tcp = await addTunnel(ann, { kind: 'tcp' })
  const path = `/v1/tunnels/${id}/domains`
  const ours = ['tunnels.test', 'shop.tunnels.test', 'relay.gantry.test', 'gantry.test']
  for (const hostname of [...ours, 'x.localhost', 'printer.local']) {
    const { status, body } = await ann.post(path, { hostname })
    assert.deepEqual([status, body.code], [422, 'tunnel.domain_refused'], hostname)
  }
  for (const hostname of ['*.example.com', '127.0.0.1', 'shop', 'a..b', 'a b.com', '']) {
    assert.equal((await ann.post(path, { hostname })).status, 400, hostname)
  }
  const script = await ann.post(path, { hostname: 'bücher.example' })
  assert.equal(script.body.hostname, 'xn--bcher-kva.example')
  assert.equal((await ann.post(path, { hostname: 'BÜCHER.example' })).status, 409)
  const raw = await ann.post(`/v1/tunnels/${tcp.id}/domains`, { hostname: unique() })
  assert.equal(raw.body.code, 'tunnel.domain_refused')
})
