import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { RelayFleet, visit } from './relay-fleet.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const fleet = stack.use(await RelayFleet.open())
const first = await fleet.join()
const service = await fleet.service((path) => `hello ${path}`)
const agent = await fleet.tunnel('shop', service.port)
const second = await fleet.join()

const hasLinks = (count: number) => () =>
  agent.links.filter(({ status }) => status === 'open').length === count
const statusOf = async () =>
  (await fleet.plane.get('/tunnels')).items.find(({ name }: { name: string }) => name === 'shop')
    .status

test('an agent is told of a relay that joins, and has a link there', async () => {
  await eventually('two links', hasLinks(2))
  for (const relay of [first, second]) {
    assert.deepEqual(await visit(relay.port, 'shop', '/a'), { status: 200, text: 'hello /a' })
  }
})

test('a link, its end and a policy hold at a relay elsewhere from the moment in which they were answered', async () => {
  await eventually('two links', hasLinks(2))
  const { id } = agent.tunnels[0]!
  const access = (policy: string) => fleet.plane.call('PUT', `/tunnels/${id}/access`, { policy })
  const statusAt = async (relay: typeof first, path: string) =>
    (await visit(relay.port, 'shop', path)).status
  const relays = [first, second]
  const made: { id: string; path: string }[] = []
  for (let round = 0; round < 20; round++) {
    const relay = relays[round % 2]!
    assert.equal((await access('token')).status, 200)
    assert.equal(await statusAt(relay, '/'), 401, `round ${round}`)
    const { body } = await fleet.plane.post(`/tunnels/${id}/shares`, { kind: 'link' })
    const path = `/${new URL(body.url).search}`
    assert.equal(await statusAt(relay, path), 303, `round ${round}`)
    made.push({ id: body.id, path })
    assert.equal((await access('public')).status, 200)
    assert.equal(await statusAt(relay, '/'), 200, `round ${round}`)
  }
  assert.equal((await access('token')).status, 200)
  // A relay slows down whoever shows many that do not count.
  for (const [at, { id: shareId, path }] of made.slice(0, 4).entries()) {
    await fleet.plane.call('DELETE', `/tunnels/${id}/shares/${shareId}`)
    assert.equal(await statusAt(relays[at % 2]!, path), 403)
  }
  assert.equal((await access('public')).status, 200)
})

test('once a relay is killed, the first visitors of the others are served before anybody is told, and within a second', async () => {
  const third = await fleet.join()
  const ask = async (port: number, path: string) => {
    const begunMs = performance.now()
    const { status } = await visit(port, 'shop', path)
    return { status, ms: performance.now() - begunMs }
  }
  // One has a link by itself; the other hands over to either of two that have, and keeps connections to both.
  const asks = [second, third, third, second, third, third]
  const before = []
  for (const [at, { port }] of asks.entries()) before.push(await ask(port, `/before/${at}`))
  assert.deepEqual(new Set(before.map(({ status }) => status)), new Set([200]))
  first.process!.signal('SIGKILL')
  await first.process!.ended

  const after = []
  for (const [at, { port }] of asks.entries()) after.push(await ask(port, `/after/${at}`))
  const { status } = await fleet.relay(first.id)
  assert.deepEqual(
    after.map((one) => one.status),
    asks.map(() => 200),
  )
  assert.equal(status, 'running', 'as far as anybody knows')
  const slowestMs = (them: { ms: number }[]) => Math.max(...them.map(({ ms }) => ms))
  assert.ok(slowestMs(after) <= 1_000 + slowestMs(before), `${slowestMs(after)} ms`)
  const asked = service.asked.filter((one) => one.includes('/after/')).sort()
  assert.deepEqual(
    asked,
    asks.map((_, at) => `GET /after/${at}`),
  )
  assert.equal(await statusOf(), 'connected', 'by its other link')

  await fleet.plane.post('/proxy/stop', { relayId: third.id })
  await third.process!.ended
  await first.start()
  await eventually('it has a link to the one that came back', () =>
    agent.links.some(({ relayId, status: is }) => relayId === first.id && is === 'open'),
  )
  await eventually('two links', hasLinks(2))
  assert.equal((await fleet.relay(first.id)).id, first.id, 'it is the same relay')
  assert.equal((await visit(first.port, 'shop')).status, 200)
})

test('links stay and serve while the API is killed and started again', async () => {
  await eventually('two links', hasLinks(2))
  const ids = agent.links.map(({ relayId }) => relayId).sort()
  fleet.plane.api.signal('SIGKILL')
  await fleet.plane.api.ended
  for (const relay of [first, second]) {
    assert.equal((await visit(relay.port, 'shop', '/dark')).status, 200)
  }
  await fleet.plane.start()
  assert.equal((await visit(first.port, 'shop', '/light')).status, 200)
  await eventually('they beat again', async () => {
    const { items } = await fleet.plane.get('/relays?status=running')
    return items.length === 2 && items.every(({ links }: { links: number }) => links === 1)
  })
  assert.deepEqual(agent.links.map(({ relayId }) => relayId).sort(), ids, 'no link was lost')
  assert.equal(await statusOf(), 'connected')
})

test('no request is lost or repeated while both relays are restarted one after the other', async () => {
  await eventually('two links', hasLinks(2))
  const relays = [first, second]
  const rolling = new AbortController()
  const failures: string[] = []
  let count = 0
  const down = new Set<number>()
  // As a load balancer does that takes out who says that it goes.
  const visitor = async (n: number) => {
    for (; !rolling.signal.aborted; count++) {
      const relay =
        relays.filter(({ port }) => !down.has(port))[n % 2] ??
        relays.find(({ port }) => !down.has(port))!
      const path = `/${n}/${count}`
      const { status, text } = await visit(relay.port, 'shop', path, 'POST')
      if (status !== 200) failures.push(`${relay.port} ${path}: ${status} ${text.slice(0, 200)}`)
    }
  }
  const visitors = [0, 1, 2, 3].map(visitor)
  for (const relay of relays) {
    down.add(relay.port)
    const underWay = visit(relay.port, 'shop', `/last/${relay.port}`)
    relay.process!.signal('SIGTERM')
    assert.equal((await underWay).status, 200)
    assert.equal((await relay.process!.ended).code, 0)
    await relay.start()
    await eventually('two links again', hasLinks(2), 60_000)
    down.delete(relay.port)
  }
  rolling.abort()
  await Promise.all(visitors)
  assert.deepEqual(failures, [])
  const posts = service.asked.filter((one) => one.startsWith('POST'))
  assert.equal(new Set(posts).size, posts.length, 'no unsafe request was repeated')
  assert.ok(count > 10)
})

test('a relay that is told to stop sends its agents away, ends and does not come back', async () => {
  await eventually('two links', hasLinks(2))
  const answer = await fleet.plane.post('/proxy/stop', { relayId: second.id })
  assert.equal(answer.status, 202)
  assert.equal((await second.process!.ended).code, 0)
  const stopped = await fleet.relay(second.id)
  assert.deepEqual([stopped.status, stopped.links], ['stopped', 0])
  assert.equal((await visit(first.port, 'shop')).status, 200)
  const { checks } = await fleet.plane.get(`/relays/${first.id}/diagnostics`)
  const reach = checks.find(({ check }: { check: string }) => check === 'reach')
  assert.equal(reach.status, 'ok', JSON.stringify(reach))
})
