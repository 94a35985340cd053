import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { eventually } from '@gantry/server/kernel/test-support.ts'
import { serveHttp, startAgent } from './test-agent.ts'
import { TestPlane } from './test-plane.ts'
import { TestRelay, visit } from './test-relay.ts'

test('a service gets an address, and what visitors ask reaches it by a link to each of two relays', async () => {
  await using service = await serveHttp((request, response) => response.end(`at ${request.url}`))
  await using one = await TestRelay.start({ id: 'rel_1' })
  await using two = await TestRelay.start({ id: 'rel_2' })
  await using plane = await TestPlane.start([one, two])
  await using agent = startAgent(plane, {
    tunnels: [{ kind: 'http', target: service.port, name: 'shop' }],
    label: 'laptop',
  })
  const [tunnel] = await agent.open()
  assert.equal(tunnel!.url, 'http://shop.localhost:1')
  await eventually('both links stand', () => one.standing.length + two.standing.length === 2)
  for (const relay of [one, two]) {
    const answer = await visit(relay.links[0]!, tunnel!, { path: `/of-${relay.id}` })
    assert.deepEqual([answer.status, String(answer.body)], [200, `at /of-${relay.id}`])
  }
  const [endpoint] = plane.named('shop').endpoints
  assert.deepEqual([endpoint!.agent, endpoint!.url], ['laptop', `http://localhost:${service.port}`])
  assert.equal(plane.joins.length, 1, 'both links are of one run and one call')
})
