import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { lockWaits } from '#test/lock-waits.ts'
import { changedSince, closeLinksOf, findTunnel } from './index.ts'
import { changing, touch } from './revision.ts'
import { addRelay, addTunnel, link, partsOf, runAgent } from './test-support.ts'

const app = await startApp({ env: { TUNNEL_PORTS: '31000-31003' } })
after(() => app[Symbol.asyncDispose]())
const ctx = app.app.systemContext()
const parts = partsOf(app)

test('of many who want one name at once, one has it', async () => {
  const people = [await app.person('ann'), await app.person('bob'), await app.person('cat')]
  const name = app.unique('bazaar')
  const answers = await Promise.all(
    [...people, ...people].map((one) => one.post('/v1/tunnels', { name })),
  )
  const codes = answers.map(({ status, body }) => body.code ?? status)
  assert.deepEqual(codes.sort(), [201, ...Array(5).fill('tunnel.name_taken')])
})

test('each TCP tunnel has a port of its own, and one that was given back is the last to be given again', async () => {
  const ann = await app.person('ann')
  const make = () => ann.post('/v1/tunnels', { kind: 'tcp' })
  const answers = await Promise.all(Array.from({ length: 6 }, make))
  const made = answers.filter(({ status }) => status === 201).map(({ body }) => body)
  const refused = answers.filter(({ status }) => status !== 201).map(({ body }) => body.code)
  assert.deepEqual(made.map(({ port }) => port).sort(), [31_000, 31_001, 31_002, 31_003])
  assert.deepEqual(refused, ['tunnel.ports_exhausted', 'tunnel.ports_exhausted'])
  const [one, other] = made
  assert.equal(
    one.url,
    `tcp://localhost:${one.port}`,
    'which psql resolves, unlike a name below it',
  )
  const found = await findTunnel(ctx, parts, { port: one.port })
  assert.equal(found?.spec.id, one.id)
  await ann.delete(`/v1/tunnels/${one.id}`)
  await ann.delete(`/v1/tunnels/${other.id}`)
  assert.equal(await findTunnel(ctx, parts, { port: one.port }), undefined)
  assert.equal((await make()).body.port, one.port)
})

test('a TCP tunnel asks nobody for what only a request can bring', async () => {
  const ann = await app.person('ann')
  for (const policy of ['token', 'members', 'password']) {
    const access = { policy, password: 'plum-harbour-42' }
    const { status, body } = await ann.post('/v1/tunnels', { kind: 'tcp', access })
    assert.deepEqual([status, body.code], [422, 'tunnel.setting_unfit'])
  }
})

test('creates that come at once do not pass the limit of tunnels together', async () => {
  const [ann, root] = [await app.person('ann'), await app.superAdmin()]
  const limits = { free: 3, premium: 5, enterprise: 5 }
  await root.put('/v1/admin/config', { 'tunnels.tunnels_per_account': limits })
  const answers = await Promise.all(Array.from({ length: 6 }, () => ann.post('/v1/tunnels', {})))
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 201, 201, 409, 409, 409])
  const refused = answers.find(({ status }) => status === 409)
  assert.equal(refused?.body.code, 'tunnel.limit_reached')
  await root.put('/v1/admin/config', {
    'tunnels.tunnels_per_account': { free: 100, premium: 1_000, enterprise: 10_000 },
  })
})

test('of agents that come at once for one label, one holds the tunnel, and only its link counts', async () => {
  const ann = await app.person('ann')
  const relayId = await addRelay(app)
  const { id } = await addTunnel(ann, {})
  const runs = await Promise.all(Array.from({ length: 5 }, () => runAgent(ann, [id])))
  assert.deepEqual(runs.map(({ body }) => body.tunnels[0].epoch).sort(), [1, 2, 3, 4, 5])
  const opened = await Promise.all(runs.map(({ body }) => link(app, body.runId, relayId)))
  const carrying = opened.filter(({ tunnels }) => tunnels.length > 0)
  assert.deepEqual(
    carrying.map(({ tunnels }) => tunnels[0]?.epoch),
    [5],
  )
  const { spec } = (await findTunnel(ctx, parts, { tunnelId: id }))!
  assert.deepEqual(spec.holders, { laptop: 5 })
})

test('whatever comes first, a link that opens while its tunnel is deleted is in no books', async () => {
  const ann = await app.person('ann')
  const relayId = await addRelay(app)
  for (let round = 0; round < 6; round++) {
    const { id } = await addTunnel(ann, {})
    const { body: run } = await runAgent(ann, [id])
    const [, gone] = await Promise.all([
      link(app, run.runId, relayId),
      ann.delete(`/v1/tunnels/${id}`),
    ])
    assert.equal(gone.status, 204)
    const left = await ctx.db
      .selectFrom('tunnelLinks')
      .select('linkId')
      .where('tunnelId', '=', id)
      .execute()
    assert.deepEqual(left, [])
  }
})

test('whoever follows the revisions misses no change, however many come at once', async () => {
  const ann = await app.person('ann')
  const tunnels = await Promise.all(Array.from({ length: 4 }, () => addTunnel(ann, {})))
  const ids = tunnels.map(({ id }) => id)
  const seen = new Map<string, number>()
  let revision = 0
  const look = async () => {
    const news = await changedSince(ctx, parts, revision, ids)
    for (const { id, config } of news.specs) seen.set(id, config.maxConnections)
    revision = news.revision
  }
  const done = new AbortController()
  const following = (async () => {
    while (!done.signal.aborted) await look()
  })()
  const wanted = new Map<string, number>()
  for (let round = 1; round <= 5; round++) {
    await Promise.all(
      ids.map((id, i) => {
        wanted.set(id, round * 10 + i)
        const config = { maxConnections: round * 10 + i }
        return ann.patch(`/v1/tunnels/${id}`, { config })
      }),
    )
  }
  done.abort()
  await following
  await look()
  assert.deepEqual(new Map([...seen].sort()), new Map([...wanted].sort()))
})

test('a change waits for the one before it, so that no lower revision is committed after a higher one', async () => {
  const ann = await app.person('ann')
  const [one, other] = [await addTunnel(ann, {}), await addTunnel(ann, {})]
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const first = changing(ctx, parts, async (ctx, revision) => {
    await touch(ctx, one.id, revision)
    begin()
    await held
  })
  await begun
  const second = ann.patch(`/v1/tunnels/${other.id}`, { config: { queueSeconds: 7 } })
  const waits = eventually('the second one to wait', async () => (await lockWaits(ctx.db)) > 0)
  const wasFirst = await Promise.race([waits.then(() => 'waits'), second.then(() => 'is in')])
  letGo()
  await Promise.allSettled([first, second, waits])
  assert.equal(wasFirst, 'waits')
})

test('a relay that dies takes its links along, and only those; a young link of one that lives stays', async () => {
  const ann = await app.person('ann')
  const [one, other] = [await addRelay(app), await addRelay(app)]
  const { id } = await addTunnel(ann, {})
  const { body: run } = await runAgent(ann, [id])
  await link(app, run.runId, one)
  const kept = await link(app, run.runId, other)
  const status = async () => (await ann.get(`/v1/tunnels/${id}`)).body
  await closeLinksOf(ctx, one, [])
  assert.deepEqual([(await status()).status, (await status()).links], ['connected', 1])
  await closeLinksOf(ctx, other, [kept.linkId])
  await closeLinksOf(ctx, other, [], { openedBefore: new Date(Date.now() - 60_000) })
  assert.equal((await status()).status, 'connected')
  await closeLinksOf(ctx, other, [])
  assert.equal((await status()).status, 'disconnected')
})
