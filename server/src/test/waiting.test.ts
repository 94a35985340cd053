import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { type Body, NodeFleet } from './node-fleet.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const fleet = stack.use(await NodeFleet.open())
await fleet.join({ MAX_SESSIONS: '1' })

/** A call that waits for the place of `holder`. */
async function waitingCall(headers = {}): Promise<{ id: string; calling: Promise<unknown> }> {
  const known = new Set((await queued()).map(({ id }) => id))
  const wish = { queueTimeoutSeconds: 300 }
  const calling = fleet.post('/sessions', wish, headers).catch((error: unknown) => error)
  const { id } = await eventually('it waits', async () => {
    return (await queued()).find(({ id }) => !known.has(id))
  })
  return { id, calling }
}

const queued = async (): Promise<Body[]> => (await fleet.get('/sessions?status=queued')).items

test('after a kill -9 of the API nothing is started for calls that died with it, and for others it is', async () => {
  const holder = await fleet.session()
  const lost = await waitingCall()
  const key = { 'idempotency-key': 'a-call-that-comes-back' }
  const kept = await waitingCall(key)
  fleet.api.signal('SIGKILL')
  await Promise.all([lost.calling, kept.calling])
  await fleet.start()

  const ended = await fleet.until(lost.id, 'it is given up', ({ endTime }) => endTime, 60_000)
  assert.deepEqual([ended.status, ended.endReason], ['closed', 'disconnected'])
  assert.match(ended.errorMessage, /the server process that took the call ended/)
  const again = await fleet.post('/sessions', { queueTimeoutSeconds: 300 }, key)
  assert.deepEqual([again.status, again.body.id], [201, kept.id], JSON.stringify(again.body))
  assert.equal(again.headers.get('idempotency-replayed'), 'true')

  await fleet.call('DELETE', `/sessions/${holder.id}`)
  await fleet.until(kept.id, 'it has the place', ({ status }) => status === 'active')
  await fleet.call('DELETE', `/sessions/${kept.id}`)
})
