import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from './app.ts'
import { visit } from './relay-fleet.ts'

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
