import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { NodeFleet, type TestNode } from './node-fleet.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const fleet = stack.use(await NodeFleet.open())
const nodes = [await fleet.join(), await fleet.join()] as const

/** A session on one of the nodes, which thereby is the fullest one: the next session would go there too. */
async function first(): Promise<{ id: string; instanceId: string; node: TestNode }> {
  const { id, instanceId } = await fleet.session()
  const node = nodes.find((one) => one.browsers().length > 0)!
  await eventually('its beat has told of it', async () => {
    return (await fleet.get('/fleet/nodes')).items.some(({ sessions }: { sessions: number }) => {
      return sessions === 1
    })
  })
  return { id, instanceId, node }
}

test('a session whose node is frozen starts on another one, and so do the next ones at once', async () => {
  const { id, instanceId, node } = await first()
  const before = new Set(node.browsers())
  node.process!.signal('SIGSTOP')
  stack.defer(() => node.process!.signal('SIGCONT'))
  const started: string[] = []
  // Also where it may not wait for a place.
  for (const queueTimeoutSeconds of [60, 0]) {
    const { status, body } = await fleet.post('/sessions', { queueTimeoutSeconds })
    assert.deepEqual([status, body.status], [201, 'active'], JSON.stringify(body))
    assert.notEqual(body.instanceId, instanceId)
    started.push(body.id)
  }
  const silences = fleet.api.output.split('\n').filter((line) => {
    return line.includes('a node is silent') && line.includes(`127.0.0.1:${node.cable.port}"`)
  })
  assert.equal(silences.length, 1, 'the next one was not even tried there')

  node.process!.signal('SIGCONT')
  const isBack = async () => {
    const { body } = await fleet.post('/sessions', {})
    started.push(body.id)
    return body.instanceId === instanceId
  }
  await eventually('it is trusted again once it answers', isBack, 60_000)
  for (const one of [id, ...started]) {
    const { body } = await fleet.call('DELETE', `/sessions/${one}`)
    assert.equal(body.endReason, 'asked', JSON.stringify(body))
  }
  const isLeft = () => node.browsers().length > 0
  await eventually('what it was asked for in vain is not left', () => !isLeft())
  assert.ok(before.size > 0)
})
