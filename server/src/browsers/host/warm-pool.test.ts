import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, readdir, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, after, test } from 'node:test'
import { openAddressGuard } from '#kernel/addresses.ts'
import { type Clock, systemClock } from '#kernel/clock.ts'
import { startTicks } from '#kernel/processes.ts'
import { eventually } from '#kernel/test-support.ts'
import { evaluate, IDENTITY, openTestHost, untilOneAnswers } from './fixture.ts'
import type { BrowserHost, BrowserHostOptions } from './host.ts'
import type { SlotRecord } from './slot-file.ts'

const CLEAN = { processes: 0, directories: 0, sockets: 0 }
const TALL = { viewport: { width: 800, height: 900 } }

const site = createServer((_, reply) => {
  reply.setHeader('content-type', 'text/html').end('<title>reached</title>')
})
await once(site.listen(0, '127.0.0.1'), 'listening')
after(() => site.close().closeAllConnections())
const address = `127.0.0.1:${(site.address() as AddressInfo).port}`
const url = `http://${address}/`

test('a warm browser is handed out without a launch, and looks like one that was launched', async (t) => {
  const { host } = await openPool(t)
  host.setPool({ min: 0, max: 2, spare: 1 })
  await untilReady(host, 1)

  const browser = await host.launch('ses_warm', IDENTITY)

  assert.equal(browser.warm, true)
  assert.equal(host.facts().claimed, 1)
  assert.deepEqual(await evaluate(browser.endpoint, '[innerWidth, innerHeight]'), [1280, 720])
  for (const path of Object.values(browser.files)) {
    const { mode, uid } = await stat(path)
    assert.deepEqual([mode & 0o777, uid], [0o700, (await stat(`/proc/${browser.pid}`)).uid])
  }
  await untilReady(host, 1)
  assert.deepEqual(await host.end('ses_warm'), CLEAN)
  await assert.rejects(stat(browser.files.uploads), { code: 'ENOENT' })
})

test('a warm browser reaches nothing until a session has claimed it', async (t) => {
  const { host, ...place } = await openPool(t)
  host.setPool({ min: 0, max: 1, spare: 1 })
  await untilReady(host, 1)
  const [record] = await recordsIn(place)
  const before = await evaluate<string>(record!.endpoint!, 'document.title', url)
  assert.notEqual(before, 'reached')

  const browser = await host.launch('ses_way_out', IDENTITY)
  assert.equal(browser.endpoint, record!.endpoint)
  assert.equal(await evaluate(browser.endpoint, 'document.title', url), 'reached')
  await host.admit('ses_way_out', { deny: ['127.0.0.1'] })
  assert.notEqual(await evaluate(browser.endpoint, 'document.title', url), 'reached')
})

test('the file of a claimed slot tells the session and its claim, to its owner alone', async (t) => {
  const { host, ...place } = await openPool(t)
  host.setPool({ min: 0, max: 1, spare: 1 })
  await untilReady(host, 1)
  const [{ slotId }] = (await recordsIn(place)) as [SlotRecord]
  const claim = { accountId: 'acc_1', limits: { idle: 5 } }
  const egress = { deny: ['example.com'] }
  await host.launch('ses_told', IDENTITY, { claim, egress })

  const file = join(place.home.run, 'slots', `${slotId}.json`)
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  const { session } = JSON.parse(await readFile(file, 'utf8')) as SlotRecord
  assert.deepEqual([session!.sessionId, session!.warm], ['ses_told', true])
  assert.deepEqual([session!.claim, session!.egress], [claim, egress])

  await Promise.all(['one', 'two', 'last'].map((word) => host.keepClaim('ses_told', { word })))
  const [{ session: kept }] = (await recordsIn(place)) as [SlotRecord]
  assert.deepEqual(kept!.claim, { word: 'last' })
  const tooLong = host.keepClaim('ses_told', { text: 'x'.repeat(64 * 1024) })
  await assert.rejects(tooLong, /at most 65536 bytes/)
  await host.end('ses_told')
  await assert.rejects(host.keepClaim('ses_told', {}), /no browser/)
})

test('another identity gets a browser of its own, for which an idle one makes place', async (t) => {
  const { host } = await openPool(t)
  host.setPool({ min: 0, max: 1, spare: 1 })
  await untilReady(host, 1)

  const browser = await host.launch('ses_tall', TALL)

  assert.equal(browser.warm, false)
  assert.deepEqual(await evaluate(browser.endpoint, '[innerWidth, innerHeight]'), [800, 900])
  const { claimed, ready, warming, ending } = host.facts()
  assert.deepEqual(
    { claimed, ready, warming, ending },
    { claimed: 1, ready: 0, warming: 0, ending: 0 },
  )
  const refused = host.launch('ses_more', IDENTITY)
  await assert.rejects(refused, { name: 'HostFull', reason: 'count' })
  assert.equal(host.facts().free, 0)
})

test('a session takes over a browser that is still being warmed, at the maximum too', async (t) => {
  const { host } = await openPool(t)
  host.setPool({ min: 0, max: 1, spare: 1 })
  assert.equal(host.facts().warming, 1)
  const browser = await host.launch('ses_soon', IDENTITY)
  assert.equal(browser.warm, false)
  assert.equal(host.facts().claimed, 1)
})

test('a session that gives up while an idle browser makes place leaves nothing', async (t) => {
  const { host, ...place } = await openPool(t)
  host.setPool({ min: 0, max: 1, spare: 1 })
  await untilReady(host, 1)
  const launching = host.launch('ses_gave_up', TALL)
  const refused = assert.rejects(launching, { name: 'LaunchFailed', reason: 'aborted' })
  assert.deepEqual(await host.end('ses_gave_up'), CLEAN)
  await refused
  await untilReady(host, 1)
  assert.equal((await readdir(place.home.sessions)).length, 1)
})

test('ready browsers that die or hang are replaced, and no session is told', async (t) => {
  const times = { proveEveryMs: 100, answerWithinMs: 5_000, retryMs: 50 }
  const { host, ...place } = await openPool(t, { times })
  const lost: string[] = []
  host.onLost((sessionId) => lost.push(sessionId))
  host.setPool({ min: 0, max: 4, spare: 2 })
  await untilReady(host, 2)
  const [dies, hangs] = (await recordsIn(place)).map(({ pid }) => pid)
  process.kill(dies!, 'SIGKILL')
  process.kill(-hangs!, 'SIGSTOP')

  await eventually('both are gone', () => ![dies, hangs].some((pid) => startTicks(pid!)))
  await untilReady(host, 2)
  assert.deepEqual(lost, [])
})

test('a browser that has been ready for long is replaced by a fresh one', async (t) => {
  const times = { proveEveryMs: 50, readyForMs: 1 }
  const { host, ...place } = await openPool(t, { times })
  host.setPool({ min: 0, max: 2, spare: 1 })
  let first: number | undefined
  await eventually(
    'there is one',
    async () => (first = (await recordsIn(place))[0]?.pid) !== undefined,
  )
  await eventually('it is gone', () => startTicks(first!) === undefined)
  await eventually('there is another', async () => (await recordsIn(place)).length > 0)
})

test('the pool is filled again when no session has been asked for a while, or after its patience', async (t) => {
  let ahead = 0
  const clock: Clock = { ...systemClock, monotonicMs: () => ahead }
  const times = { quietMs: 1_000, patienceMs: 1_500 }
  const { host } = await openPool(t, { clock, times })
  const settings = { min: 0, max: 8, spare: 2 }
  host.setPool(settings)
  await untilReady(host, 2)
  await host.launch('ses_first', IDENTITY)
  ahead += 800
  await host.launch('ses_second', IDENTITY)
  const look = (): number => {
    host.setPool(settings)
    return host.facts().warming
  }
  ahead += 600
  assert.equal(look(), 0)
  ahead += 100
  assert.notEqual(look(), 0)
})

test('the minimum counts the browsers of sessions, and a smaller pool ends what is too much', async (t) => {
  const { host } = await openPool(t)
  host.setPool({ min: 2, max: 4, spare: 1 })
  await untilReady(host, 2)
  await host.launch('ses_counts', IDENTITY)
  assert.equal(host.facts().ready, 1)
  host.setPool({ min: 0, max: 4, spare: 0 })
  await eventually('the idle one is gone', () => host.facts().ready + host.facts().ending === 0)
  await untilOneAnswers(host)
  assert.throws(() => host.setPool({ min: -1, max: 4, spare: 0 }), RangeError)
})

test('a machine that drains ends idle browsers, refuses sessions, and lets the others go on', async (t) => {
  const { host, ...place } = await openPool(t)
  host.setPool({ min: 0, max: 3, spare: 1 })
  await untilReady(host, 1)
  await host.launch('ses_goes_on', IDENTITY)
  await untilReady(host, 1)

  await host.drain()

  const refused = host.launch('ses_late', IDENTITY)
  await assert.rejects(refused, { name: 'HostFull', reason: 'draining' })
  const { claimed, ready, warming, ending, draining, free } = host.facts()
  assert.deepEqual(
    { claimed, ready, warming, ending },
    { claimed: 1, ready: 0, warming: 0, ending: 0 },
  )
  assert.deepEqual([draining, free], [true, 0])
  assert.equal((await readdir(place.home.sessions)).length, 1)
  await untilOneAnswers(host)
  host.resume()
  await untilReady(host, 1)
})

test('without memory or time to spare nothing is launched, but what is ready is handed out', async (t) => {
  const machine = { memoryAvailableBytes: 8 * 1024 ** 3, load: 0, cores: 2 }
  const admission = { maxLoadPerCore: 8, probe: () => ({ ...machine }) }
  const { host } = await openPool(t, { admission, times: { retryMs: 20 } })
  host.setPool({ min: 0, max: 8, spare: 1 })
  await untilReady(host, 1)

  machine.load = 17
  const busy = host.launch('ses_busy', TALL)
  await assert.rejects(busy, { reason: 'cpu', retryAfterSeconds: 10 })
  machine.load = 0
  machine.memoryAvailableBytes = 300 * 1024 ** 2
  assert.equal(host.facts().free, 1)
  assert.equal((await host.launch('ses_ready', IDENTITY)).warm, true)
  const poor = host.launch('ses_poor', IDENTITY)
  await assert.rejects(poor, { reason: 'memory', retryAfterSeconds: 10 })
  assert.equal(host.facts().warming, 0)

  machine.memoryAvailableBytes = 8 * 1024 ** 3
  await untilReady(host, 1)
})

test('on a full disk nothing is launched, and what is ready is kept until there is room again', async (t) => {
  let freeBytes = 8 * 1024 ** 3
  const machine = { memoryAvailableBytes: 8 * 1024 ** 3, load: 0, cores: 2 }
  const admission = { probe: () => machine, probeDisk: () => freeBytes }
  const { host } = await openPool(t, { admission })
  host.setPool({ min: 0, max: 8, spare: 1 })
  await untilReady(host, 1)

  freeBytes = 300 * 1024 ** 2
  assert.deepEqual([host.isDiskFull, host.facts().free], [true, 0])
  for (const identity of [IDENTITY, TALL]) {
    const refused = host.launch('ses_refused', identity)
    await assert.rejects(refused, { reason: 'disk', retryAfterSeconds: 30 })
  }
  assert.deepEqual([host.facts().ready, host.facts().claimed], [1, 0])

  freeBytes = 8 * 1024 ** 3
  assert.equal((await host.launch('ses_ready', IDENTITY)).warm, true)
})

test('after a browser that did not start the pool pauses, and sessions are told why theirs did not', async (t) => {
  let ahead = 0
  const clock: Clock = { ...systemClock, monotonicMs: () => ahead }
  const { chromium } = await openPool(t)
  const { host, home } = await openPool(t, { clock, chromium: { ...chromium, path: '/bin/false' } })
  const settings = { min: 0, max: 4, spare: 1 }
  host.setPool(settings)
  await eventually('it has failed', () => host.facts().warming + host.facts().ending === 0)
  host.setPool(settings)
  assert.equal(host.facts().warming, 0)

  const failure = host.launch('ses_broken', IDENTITY)
  await assert.rejects(failure, { name: 'LaunchFailed', reason: 'exited' })
  assert.deepEqual(await readdir(home.sessions), [])
  ahead += 10_000
  host.setPool(settings)
  assert.equal(host.facts().warming, 1)
})

/** A host whose browsers go with the test. */
async function openPool(t: TestContext, options: Partial<BrowserHostOptions> = {}) {
  const guard = openAddressGuard({ allow: [address] })
  const opened = await openTestHost({ guard, ...options })
  t.after(() => opened[Symbol.asyncDispose]())
  return opened
}

async function untilReady(host: BrowserHost, count: number): Promise<void> {
  await eventually(`${count} are ready`, () => host.facts().ready === count)
}

async function recordsIn({ home }: { home: { run: string } }): Promise<SlotRecord[]> {
  const directory = join(home.run, 'slots')
  const names = (await readdir(directory)).filter((name) => name.endsWith('.json'))
  const texts = await Promise.all(
    names.map((name) => readFile(join(directory, name), 'utf8').catch(() => '{}')),
  )
  const records = texts.map((text) => JSON.parse(text) as SlotRecord)
  return records.filter(({ endpoint }) => endpoint !== undefined)
}
