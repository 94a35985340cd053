import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { processTable, signalGroup } from '#kernel/processes.ts'
import { eventually } from '#kernel/test-support.ts'
import { IDENTITY, openTestHost } from './fixture.ts'
import { HostFull } from './host.ts'
import { LaunchFailed } from './launch.ts'
import type { SlotRecord } from './slot-file.ts'

const MAX = 4
const WORKING_MS = 6_000
const CLEAN = { processes: 0, directories: 0, sockets: 0 }
const NARROW = { viewport: { width: 600, height: 600 } }

const { host, ...place } = await openTestHost({
  times: { quietMs: 20, patienceMs: 200, proveEveryMs: 200, retryMs: 20 },
})
after(() => place[Symbol.asyncDispose]())

/** One life of a session each: what it asks for, and what becomes of it when. */
const lives = fc.sample(
  fc.record({
    identity: fc.constantFrom(IDENTITY, IDENTITY, NARROW),
    startsMs: fc.nat({ max: WORKING_MS / 2 }),
    livesMs: fc.nat({ max: WORKING_MS / 2 }),
    fate: fc.constantFrom('ended', 'aborted', 'killed', 'stopped', 'ended twice'),
  }),
  { numRuns: 16, seed: 20 },
)
/** When which number of browsers is to be ready, and when a ready one is killed. */
const spares = fc.sample(
  fc.record({ atMs: fc.nat({ max: WORKING_MS }), spare: fc.nat({ max: 3 }) }),
  {
    ...{ numRuns: 6, seed: 21 },
  },
)
const kills = fc.sample(fc.nat({ max: WORKING_MS }), { numRuns: 4, seed: 22 })

test('whatever happens when, no place is lost and no browser serves two sessions', async () => {
  const used = new Map<string, boolean>()
  let most = 0
  const watch = setInterval(() => (most = Math.max(most, taken())), 2)
  host.setPool({ min: 0, max: MAX, spare: 2 })
  await eventually('some are ready', () => host.facts().ready === 2)
  await Promise.all([
    ...lives.map((life, index) => live(`ses_${index}`, life, used)),
    ...spares.map(({ atMs, spare }) =>
      atTime(atMs, () => host.setPool({ min: 1, max: MAX, spare })),
    ),
    ...kills.map((atMs) => atTime(atMs, killReady)),
  ])
  assert.ok([...used.values()].some((warm) => warm))
  host.setPool({ min: 0, max: MAX, spare: 0 })
  await eventually('every place is free', () => taken() === 0)
  clearInterval(watch)
  assert.ok(most <= MAX)

  assert.deepEqual(await readdir(place.home.sessions), [])
  assert.deepEqual(await readdir(join(place.home.run, 'slots')), [])
  const inside = `=${place.home.sessions}/`
  const left = processTable().filter(({ cmdline }) => cmdline.some((part) => part.includes(inside)))
  assert.deepEqual(left, [])
})

async function live(sessionId: string, life: (typeof lives)[number], used: Map<string, boolean>) {
  await sleep(life.startsMs)
  const abort = new AbortController()
  if (life.fate === 'aborted') setTimeout(() => abort.abort(), life.livesMs / 10)
  try {
    const browser = await host.launch(sessionId, life.identity, abort)
    assert.ok(!used.has(browser.endpoint), 'a browser was given to two sessions')
    used.set(browser.endpoint, browser.warm)
    await sleep(life.livesMs)
    if (life.fate === 'killed') signalGroup(browser.pid, 'SIGKILL')
    if (life.fate === 'stopped') signalGroup(browser.pid, 'SIGSTOP')
  } catch (error) {
    assert.ok(error instanceof HostFull || error instanceof LaunchFailed, String(error))
    assert.ok(error.reason !== 'aborted' || life.fate === 'aborted', 'nobody had aborted it')
  }
  const ends = Array.from({ length: life.fate === 'ended twice' ? 2 : 1 }, () =>
    host.end(sessionId),
  )
  for (const report of await Promise.all(ends)) assert.deepEqual(report, CLEAN)
}

async function atTime(ms: number, act: () => void | Promise<void>): Promise<void> {
  await sleep(ms)
  await act()
}

async function killReady(): Promise<void> {
  const directory = join(place.home.run, 'slots')
  for (const name of await readdir(directory)) {
    const text = await readFile(join(directory, name), 'utf8').catch(() => '{}')
    const { pid, session } = JSON.parse(text || '{}') as Partial<SlotRecord>
    if (pid && !session) return void signalGroup(pid, 'SIGKILL')
  }
}

function taken(): number {
  const { claimed, claiming, ready, warming, ending } = host.facts()
  return claimed + claiming + ready + warming + ending
}
