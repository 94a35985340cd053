import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { eventually } from '#kernel/test-support.ts'
import { Cable } from '#test/cable.ts'
import { serveHttp, startAgent, startRelay } from '../fixture.ts'

const NOTICED_MS = 25_000
const FAR_LATER_MS = 100_000

test('an agent whose packets the network swallows, one way or both, is given up by both sides within 25 s', async () => {
  const ways = [['there', 'back'], ['there'], ['back']] as const
  const noticed = await Promise.all(ways.map((lost) => whoNotices(lost)))
  assert.deepEqual(
    noticed,
    ways.map(() => ['agent', 'relay']),
  )
})

/** Nothing tells either side that the other has gone: each has to find out. */
async function whoNotices(lost: readonly ('there' | 'back')[]): Promise<string[]> {
  await using service = await serveHttp((_request, response) => response.end('here'))
  await using relay = await startRelay()
  await using cable = await Cable.to(() => relay.port)
  const spec = relay.control.add('shop', [service.port])
  const far = { control: relay.control, url: `http://127.0.0.1:${cable.port}` }
  await using agent = await startAgent(far, [spec])
  const visit = async () => {
    const { statusCode, body } = await request(relay.url, { headers: { host: 'shop.localhost' } })
    await body.dump()
    return statusCode
  }
  assert.equal(await visit(), 200)
  await eventually('the first question was answered', () => agent.link.roundTripMs)

  cable.swallow(...lost)
  const noticed: string[] = []
  void agent.link.closed.then(() => noticed.push('agent'))
  const isGone = () => relay.relay.facts.links === 0
  const byRelay = eventually('the relay gives it up', isGone, FAR_LATER_MS)
  void byRelay.then(() => noticed.push('relay'))
  // In the same process as both of them: whatever keeps them waiting keeps this waiting.
  await sleep(NOTICED_MS)
  const inTime = noticed.toSorted()
  await byRelay
  assert.equal(await visit(), 503)
  return inTime
}
