import assert from 'node:assert/strict'
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
