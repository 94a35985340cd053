import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { eventually, Script } from '#kernel/test-support.ts'
import { startRelay } from '../fixture.ts'

const LINK = new URL('../../../../sdk/src/tunnels/link.ts', import.meta.url).href
const REACH = new URL('../../../../sdk/src/tunnels/reach.ts', import.meta.url).href
const TIMING = new URL('../../../../sdk/src/tunnels/timing.ts', import.meta.url).href
/** Well below the time that missed PINGs take. */
const AT_ONCE_MS = 10_000

test('F7: the link of an agent that was killed ends at once, so that nobody is sent there', async () => {
  await using relay = await startRelay()
  const { id } = relay.control.add('shop', [1])
  const options = {
    relay: { id: 'rel_test', url: relay.url },
    dial: { ticket: relay.control.hold([id]), version: 'test', env: {} },
    ...{ runId: 'tar_test', insecure: false, dialMs: 5_000 },
  }
  using agent = new Script(
    { Link: LINK, Reach: REACH, TIMING },
    `const options = ${JSON.stringify(options)}
     options.dial.signal = new AbortController().signal
     const link = await Link.open({ ...options, timing: TIMING, reach: new Reach(), onMessage() {} })
     setInterval(() => link.roundTripMs && console.log('nothing is under way'), 10)`,
  )
  await once(agent.child.stdout!, 'data')
  agent.child.kill('SIGKILL')
  await eventually('the link is gone', () => relay.control.open.size === 0, AT_ONCE_MS)
  assert.equal(relay.relay.facts.links, 0)
})
