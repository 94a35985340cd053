import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { after, test } from 'node:test'
import { text } from 'node:stream/consumers'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { addTunnel } from '../test-support.ts'

const app = await startApp({ env: { ROLES: 'api,worker,relay' } })
after(() => app[Symbol.asyncDispose]())

/** As a visitor comes: by the name of the tunnel. */
async function visit(host: string, path: string): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(app.url)
  const headers = { host: `${host}:${port}` }
  const [answer] = (await once(get({ hostname, port, path, headers }), 'response')) as [
    IncomingMessage,
  ]
  return { status: answer.statusCode!, body: await text(answer) }
}

test('a visit is counted by the relay, seen among its last requests, and told by the diagnostics', async () => {
  const ann = await app.person('ann')
  const { id, hostname } = await addTunnel(ann, { name: app.unique('shop') })
  const path = `/v1/tunnels/${id}`
  const { status, body } = await visit(hostname, '/cart')
  assert.deepEqual([status, JSON.parse(body).code], [503, 'tunnel.no_agent'])
  const seen = await eventually('the request among the last ones', async () => {
    const { body } = await ann.get(`${path}/requests`)
    return body.items[0]
  })
  assert.deepEqual([seen.path, seen.status, seen.outcome], ['/cart', 503, 'tunnel.no_agent'])
  const { body: whole } = await ann.get(`${path}/requests/${seen.id}`)
  assert.equal(whole.id, seen.id)
  const refused = await ann.post(`${path}/requests/${seen.id}/replay`)
  assert.equal(refused.body.code, 'tunnel.request_not_replayable')
  const counted = await eventually('the visit in the figures', async () => {
    const { body } = await ann.get(`${path}/metrics`)
    return body.total?.requests > 0 && body.total
  })
  assert.deepEqual([counted.requests, counted.failures], [1, 1])
  const { body: diagnostics } = await ann.get(`${path}/diagnostics`)
  assert.equal(diagnostics.summary, 'No agent has ever come.')
  const { body: usage } = await ann.get('/v1/usage?months=1')
  assert.equal(usage.periods[0].tunnels.requests, 1)
  const metrics = await (await fetch(`${app.url}/metrics`)).text()
  assert.match(metrics, /^gantry_tunnel_requests_total\{outcome="failed"\} 1$/m)
  assert.match(metrics, /^gantry_tunnel_bytes_total\{direction="out"\} \d+$/m)
  assert.match(metrics, /^gantry_tunnels\{status="created"\} 1$/m)
})
