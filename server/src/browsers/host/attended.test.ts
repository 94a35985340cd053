import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { signalGroup } from '#kernel/processes.ts'
import { eventually } from '#kernel/test-support.ts'
import { IDENTITY, openHost, openTestHost, slotOf } from './fixture.ts'
import type { RunningBrowser } from './host.ts'

const NO_POOL = { min: 0, max: 4, spare: 0 }

/** A host, and which browsers are attended there at the moment. */
async function openAttended(t: TestContext) {
  const place = await openTestHost({ times: { quietMs: 0, retryMs: 50 } })
  t.after(() => place[Symbol.asyncDispose]())
  const present = new Set<RunningBrowser>()
  let ever = 0
  place.host.onRunning((running) => {
    present.add(running)
    ever++
    return { [Symbol.dispose]: () => assert.ok(present.delete(running), 'disposed of twice') }
  })
  return { ...place, present, many: () => ever }
}

test('a browser is attended before a session has it, by the same in that session, and until it is ended', async (t) => {
  const { host, present, ...place } = await openAttended(t)
  host.setPool({ ...NO_POOL, spare: 1 })
  await eventually('one is ready', () => host.facts().ready === 1)
  const [waiting] = present
  const { endpoint, files, warm } = await host.launch('ses_warm', IDENTITY)
  host.setPool(NO_POOL)
  assert.ok(warm)
  const { slotId } = (await slotOf(place, 'ses_warm'))!
  assert.deepEqual(waiting, { slotId, endpoint, files })
  assert.ok(present.has(waiting))
  await host.end('ses_warm')
  await eventually('nobody attends any more', () => present.size === 0)
})

test('one that is let go of is attended by whoever adopts it, and by nobody else', async (t) => {
  const { host, present, ...place } = await openAttended(t)
  const { endpoint } = await host.launch('ses_left', IDENTITY)
  assert.equal(present.size, 1)
  await host.leave()
  assert.equal(present.size, 0)

  const next = await openHost(place, place.chromium)
  t.after(() => next.leave())
  const adopted: string[] = []
  next.onRunning((running) => {
    adopted.push(running.endpoint)
    return { [Symbol.dispose]: () => void adopted.pop() }
  })
  const [survivor] = await next.survivors()
  await next.adopt(survivor!)
  assert.deepEqual(adopted, [endpoint])
  await next.end('ses_left')
  assert.deepEqual(adopted, [])
})

test('of a browser that could not be adopted nothing is held on to', async (t) => {
  const { host, present, ...place } = await openAttended(t)
  await host.launch('ses_odd', IDENTITY)
  await host.leave()
  assert.equal(present.size, 0)
  const { record } = (await slotOf(place, 'ses_odd'))!
  const session = { ...record.session, egress: { upstream: 'gopher://127.0.0.1' } }
  const file = join(place.home.run, 'slots', `${record.slotId}.json`)
  await writeFile(file, JSON.stringify({ ...record, session }))

  const next = await openHost(place, place.chromium)
  t.after(() => next.leave())
  const adopted = new Set<string>()
  next.onRunning(({ endpoint }) => {
    adopted.add(endpoint)
    return { [Symbol.dispose]: () => void adopted.delete(endpoint) }
  })
  const [survivor] = await next.survivors()
  await assert.rejects(next.adopt(survivor!), { name: 'EgressRulesInvalid' })
  assert.deepEqual([...adopted], [])
  const port = createServer().listen(record.egressPort, '127.0.0.1')
  await once(port, 'listening')
  port.close()
  assert.equal(await next.reap(new Set()), 1)
})

test('what attends a browser goes with it: lost while it waits, retired, or of a session that lost it', async (t) => {
  const { host, present, many } = await openAttended(t)
  host.setPool({ ...NO_POOL, spare: 1 })
  await eventually('one is ready', () => host.facts().ready === 1)
  const [lost] = present
  const { pid } = await host.launch('ses_lost', IDENTITY)
  signalGroup(pid, 'SIGKILL')
  await eventually('it is attended no more', () => !present.has(lost!))
  await host.end('ses_lost')

  await eventually('another is ready', () => host.facts().ready === 1)
  host.setPool(NO_POOL)
  await eventually('it is retired', () => host.facts().ready + host.facts().ending === 0)
  assert.equal(present.size, 0)
  assert.ok(many() >= 2)
})

test('a launch that is given up leaves nobody', async (t) => {
  const { host, present } = await openAttended(t)
  const abort = new AbortController()
  host.onRunning(() => {
    abort.abort()
    return { [Symbol.dispose]: () => {} }
  })
  const launching = host.launch('ses_gave_up', IDENTITY, { signal: abort.signal })
  await assert.rejects(launching, { name: 'LaunchFailed', reason: 'aborted' })
  assert.equal(present.size, 0)
})
