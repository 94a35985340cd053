import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { createClient } from '../../../sdk/src/index.ts'
import { TunnelAgent } from '../../../sdk/src/tunnels/index.ts'
import { startApp } from './app.ts'
import { LocalService, visit } from './relay-fleet.ts'

const app = await startApp({ env: { ROLES: 'api,worker,relay' } })
after(() => app[Symbol.asyncDispose]())

test('the relay of the API’s own process beats, answers for the hosts of tunnels, and for nothing else', async () => {
  const root = await app.superAdmin()
  const relay = await eventually('it beats', async () => {
    const { items } = (await root.get('/v1/relays')).body
    return items.find((one: { url?: string }) => one.url === app.url)
  })
  assert.deepEqual([relay.provider, relay.status], ['builtin', 'running'])
  const port = Number(new URL(app.url).port)
  assert.equal((await visit(port, 'nobody')).status, 404)
  assert.equal((await app.request('GET', '/health/relays')).body.status, 'ok')
  const refused = await root.delete(`/v1/relays/${relay.id}`)
  assert.deepEqual([refused.status, refused.body.code], [409, 'relay.builtin'])
})

test('a process of the API that stops tells its agents first, and lets what is under way end', async () => {
  const stopping = await startApp({ env: { ROLES: 'api,worker,relay' } })
  await using closing = new AsyncDisposableStack()
  closing.use(stopping)
  const answer = Promise.withResolvers<string>()
  const service = closing.use(await LocalService.open(() => answer.promise))
  const { accessToken } = await stopping.person('ann')
  const name = stopping.unique('shop')
  const agent = new TunnelAgent(createClient({ url: stopping.url, accessToken }), {
    ...{ tunnels: [{ kind: 'http' as const, target: service.port, name }], env: {} },
  })
  closing.defer(() => agent.leave())
  await agent.open()
  await eventually('a link', () => agent.links.some(({ status }) => status === 'open'))
  const underWay = visit(Number(new URL(stopping.url).port), name, '/slow')
  await eventually('it is under way', () => service.asked.length > 0)
  const stopped = stopping.app.stop(60_000)
  await eventually('its agent is told', () => agent.links.every(({ status }) => status !== 'open'))
  answer.resolve('at last')
  assert.deepEqual(await underWay, { status: 200, text: 'at last' })
  await stopped
})

test('a port that another program has is told by the relay and by the tunnel, until it is free', async () => {
  await using closing = new AsyncDisposableStack()
  const taken = createServer()
  const release = () => new Promise<void>((resolve) => void taken.close(() => resolve()))
  closing.defer(release)
  await once(taken.listen(0, '127.0.0.1'), 'listening')
  const { port } = taken.address() as AddressInfo
  const env = { ROLES: 'api,worker,relay', TUNNEL_PORTS: `${port}-${port}` }
  const busy = closing.use(await startApp({ env }))
  const [root, ann] = [await busy.superAdmin(), await busy.person('ann')]
  const [{ id }] = (await root.get('/v1/relays')).body.items
  const agent = new TunnelAgent(createClient({ url: busy.url, accessToken: ann.accessToken }), {
    ...{ tunnels: [{ kind: 'tcp' as const, target: 5432, name: busy.unique('db') }], env: {} },
  })
  closing.defer(() => agent.leave())
  await agent.open()
  const [tunnel] = (await ann.get('/v1/tunnels')).body.items
  const checkOf = async (person: typeof ann, path: string, key: string) => {
    const { checks } = (await person.get(path)).body
    return checks.find((check: Record<string, string>) => check[key] === 'port')
  }
  const ofRelay = () => checkOf(root, `/v1/relays/${id}/diagnostics`, 'check')
  const ofTunnel = () => checkOf(ann, `/v1/tunnels/${tunnel.id}/diagnostics`, 'name')
  const told = `Port ${port} cannot be opened`
  await eventually('both tell', async () => {
    const [one, other] = [await ofRelay(), await ofTunnel()]
    return one?.detail.startsWith(told) && other?.detail.startsWith(told)
  })
  const [one, other] = [await ofRelay(), await ofTunnel()]
  assert.deepEqual([one.status, other.status], ['failing', 'failed'])
  assert.match(one.cure, /End the program/)
  assert.match(other.fix, /^End that program/)
  assert.equal((await root.get(`/v1/relays/${id}/health`)).body.healthStatus, 'unhealthy')
  assert.match((await root.get(`/v1/relays/${id}`)).body.errorMessage, /another program has it/)

  await release()
  await eventually('both are well', async () => {
    const all = [await ofRelay(), await ofTunnel()]
    return all.every((check) => check?.status === 'ok')
  })
  assert.equal((await root.get(`/v1/relays/${id}/health`)).body.healthStatus, 'healthy')
})
