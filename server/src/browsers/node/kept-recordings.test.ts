import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import pino from 'pino'
import { systemClock } from '#kernel/clock.ts'
import { eventually, temporaryPath } from '#kernel/test-support.ts'
import { MANIFEST, type Manifest } from '../evidence/manifest.ts'
import { PartWriter } from '../evidence/part-writer.ts'
import { problems } from '../problems.ts'
import { KeptRecordings } from './kept-recordings.ts'

const log = pino({ level: 'silent' })
const DAY_MS = 24 * 60 * 60_000
const LONG_AGO = '2020-01-01T00:00:00.000Z'

function manifestOf(sessionId: string): Manifest {
  return {
    ...{ format: 'gantry-recording', version: 1, sessionId, startedAt: LONG_AGO },
    updatedAt: LONG_AGO,
    options: { frames: false, network: false, credentials: false, fps: 2, quality: 50 },
    parts: [],
    totals: { frames: 0, events: 0, bytes: 0, dropped: 0 },
    ...{ lastMs: 0, complete: false },
  }
}

/** The recordings of a machine whose earlier process was killed while it recorded these sessions. */
async function afterKill(ids: string[], store: (id: string) => Promise<void>) {
  const directory = temporaryPath()
  const skew = { ms: 3 * DAY_MS }
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + skew.ms }
  const options = { directory, clock, log }
  const killed = await KeptRecordings.open({
    ...options,
    sinkOf: () => ({ write: async () => {} }),
  })
  for (const id of ids) {
    const bytes = Buffer.from(JSON.stringify(manifestOf(id)))
    await killed.sinkFor({ id, accountId: 'acc_x' }).write(MANIFEST, bytes)
  }
  const next = await KeptRecordings.open({
    ...options,
    sinkOf: ({ id }) => ({ write: () => store(id) }),
  })
  return { recordings: next, left: () => readdir(directory), skew }
}

/** An owner for `abandon`, which has it tried again at once. */
const nobody = { id: 'ses_other', accountId: 'acc_x' }

test('nothing is completed before all that lives on was claimed', async () => {
  const stored: string[] = []
  const { left, ...after } = await afterKill(['ses_lives', 'ses_gone'], async (id) => {
    stored.push(id)
  })
  await using recordings = after.recordings
  recordings.abandon(nobody, manifestOf(nobody.id))
  assert.equal(recordings.claim('ses_lives')?.sessionId, 'ses_lives')
  assert.deepEqual(stored, [])
  recordings.start()
  await eventually('the others are complete', async () => (await left()).length === 1)
  assert.deepEqual(stored.toSorted(), ['ses_gone', nobody.id])
  assert.deepEqual(await left(), ['ses_lives.json'])
})

test('one of a session that is gone is given up at once, any other a day after the first try', async () => {
  const tries: string[] = []
  const { left, skew, ...after } = await afterKill(['ses_gone', 'ses_kept'], async (id) => {
    tries.push(id)
    if (id === 'ses_gone') throw problems.notFound({ id })
    if (id === 'ses_kept') throw Object.assign(new Error('a proxy'), { status: 404 })
  })
  await using recordings = after.recordings
  const tryAgain = async (triedBefore: number) => {
    recordings.abandon(nobody, manifestOf(nobody.id))
    await eventually('it was tried', () => {
      return tries.filter((id) => id === 'ses_kept').length > triedBefore
    })
  }
  recordings.start()
  await eventually('the first is given up', async () => (await left()).length === 1)
  await eventually('the second was tried', () => tries.includes('ses_kept'))
  skew.ms += DAY_MS - 60_000
  await tryAgain(1)
  await tryAgain(2)
  assert.deepEqual(await left(), ['ses_kept.json'])
  skew.ms += 60_000
  await tryAgain(3)
  await eventually('the second is given up', async () => (await left()).length === 0)
})

test('a store that hangs holds up no stop, and the next process has them all', async () => {
  const tries: string[] = []
  const { promise: hangs, reject } = Promise.withResolvers<void>()
  const { recordings, left } = await afterKill(['ses_1', 'ses_2'], (id) => {
    tries.push(id)
    return hangs
  })
  recordings.start()
  await eventually('it is under way', () => tries.length === 1)
  await recordings[Symbol.asyncDispose]()
  reject(new Error('the process ends'))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(tries.length, 1, 'no other one was begun')
  assert.equal((await left()).length, 2)
})

/** The objects of a store that can be away. */
function testStore() {
  const objects = new Map<string, string>()
  const state = { isAway: false }
  const write = async (name: string, bytes: Uint8Array) => {
    if (state.isAway) throw new Error('the store is away')
    objects.set(name, Buffer.from(bytes).toString())
  }
  return { objects, state, sinkOf: () => ({ write }) }
}

/** A recording of one event, which ends while its store is away. */
async function endsAway(recordings: KeptRecordings, id: string): Promise<Manifest> {
  const manifest = manifestOf(id)
  const sink = recordings.sinkFor({ id, accountId: 'acc_x' })
  const options = { sink, clock: systemClock, log, maxBytes: 1_000_000, onFull() {} }
  const writer = new PartWriter({ ...options, manifest })
  writer.addEvent({ ms: 1, kind: 'input', data: { key: 'a' } })
  await writer.finish('asked')
  return manifest
}

test('what a store had not taken by the end of its session is stored when it is back, by the next process too', async () => {
  const directory = temporaryPath()
  const { objects, state, sinkOf } = testStore()
  const options = { directory, clock: systemClock, log, sinkOf }
  state.isAway = true
  const { complete, endedBy } = await endsAway(await KeptRecordings.open(options), 'ses_1')
  assert.deepEqual([complete, endedBy], [true, 'asked'])
  assert.deepEqual((await readdir(directory)).toSorted(), [
    'ses_1.json',
    'ses_1.timeline-000001.jsonl.gz',
  ])
  assert.equal(objects.size, 0)

  await using next = await KeptRecordings.open(options)
  state.isAway = false
  next.start()
  await eventually('nothing is left', async () => (await readdir(directory)).length === 0)
  assert.deepEqual([...objects.keys()], ['timeline-000001.jsonl.gz', MANIFEST])
  const stored = JSON.parse(objects.get(MANIFEST)!) as Manifest
  assert.deepEqual([stored.complete, stored.endedBy, stored.totals.events], [true, 'asked', 1])
  assert.deepEqual(
    stored.parts.map(({ name }) => name),
    ['timeline-000001.jsonl.gz'],
  )
})

test('where the disk has no room for it either the recording says that its end is lost', async () => {
  const directory = temporaryPath()
  const { state, sinkOf } = testStore()
  await using recordings = await KeptRecordings.open({
    ...{ directory, clock: systemClock, log, sinkOf },
    maxLeftBytes: 10,
  })
  state.isAway = true
  const { endedBy, totals, parts } = await endsAway(recordings, 'ses_1')
  assert.deepEqual([endedBy, totals.events, parts], ['sink', 0, []])
  assert.deepEqual(await readdir(directory), ['ses_1.json'])
})

test('parts whose recording nobody knows are removed at the start', async () => {
  const directory = temporaryPath()
  const { sinkOf } = testStore()
  const options = { directory, clock: systemClock, log, sinkOf }
  await KeptRecordings.open(options)
  await writeFile(join(directory, 'ses_9.frames-000001.bin'), 'x')
  await using _ = await KeptRecordings.open(options)
  assert.deepEqual(await readdir(directory), [])
})
