import assert from 'node:assert/strict'
import { test } from 'node:test'
import pino from 'pino'
import type { Clock } from '#kernel/clock.ts'
import { problems } from '../problems.ts'
import { MANIFEST, type EndedBy, type Manifest } from './manifest.ts'
import { PartWriter } from './part-writer.ts'
import { RecordingReader } from './reader.ts'

const STARTED = new Date('2026-01-01T00:00:00Z')
const MIB = 1024 * 1024
const IMAGE = Buffer.alloc(100_000)

/** A recording into a store that can be away, on a clock of its own. */
function recording() {
  const state = { nowMs: 0, away: undefined as Error | undefined, takesManifest: false, tries: 0 }
  const objects = new Map<string, Buffer>()
  const sink = {
    async write(name: string, bytes: Uint8Array) {
      state.tries++
      if (state.away && !(state.takesManifest && name === MANIFEST)) throw state.away
      assert.ok(name === MANIFEST || !objects.has(name), `${name} was written twice`)
      objects.set(name, Buffer.from(bytes))
    },
  }
  const clock: Clock = {
    now: () => new Date(STARTED.getTime() + state.nowMs),
    monotonicMs: () => state.nowMs,
  }
  const ends: EndedBy[] = []
  const options = { sink, clock, log: pino({ level: 'silent' }), maxBytes: 100 * MIB }
  const manifest = emptyManifest()
  const onFull = (endedBy: EndedBy) => void ends.push(endedBy)
  const writer = new PartWriter({ ...options, manifest, onFull })
  const film = (ms: number) => {
    state.nowMs = ms
    writer.addFrame({ ms, pageId: 'p', width: 1, height: 1, jpeg: IMAGE })
  }
  const read = async () => {
    const reader = await RecordingReader.open({ read: async (name) => objects.get(name)! })
    const times: number[] = []
    for await (const { ms } of reader.frames()) times.push(ms)
    return { times, manifest: reader.manifest }
  }
  return { state, writer, film, read, ends }
}

function emptyManifest(): Manifest {
  const at = STARTED.toISOString()
  return {
    ...{ format: 'gantry-recording', version: 1, sessionId: 'ses_test', startedAt: at },
    updatedAt: at,
    options: { frames: true, network: false, credentials: false, fps: 2, quality: 50 },
    parts: [],
    totals: { frames: 0, events: 0, bytes: 0, dropped: 0 },
    ...{ lastMs: 0, complete: false },
  }
}

const away = () => new Error('the store is away')
const seconds = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => (from + n) * 1_000)

test('of an outage that what comes meanwhile fits in nothing is missing', async () => {
  const { state, writer, film, read, ends } = recording()
  film(1_000)
  await writer.flush()
  state.away = away()
  for (const ms of seconds(2, 60)) {
    film(ms)
    await writer.flush()
  }
  state.away = undefined
  film(62_000)
  await writer.flush()
  film(63_000)
  await writer.finish('asked')
  const { times, manifest } = await read()
  assert.deepEqual(times, seconds(1, 63))
  assert.deepEqual([manifest.gaps, manifest.totals.dropped, ends], [undefined, 0, []])
  assert.deepEqual([manifest.complete, manifest.endedBy], [true, 'asked'])
})

test('what comes beyond 8 MiB during an outage is a gap, after which the recording goes on', async () => {
  const { state, writer, film, read, ends } = recording()
  film(1_000)
  await writer.flush()
  state.away = away()
  for (const ms of seconds(2, 200)) {
    film(ms)
    await writer.flush()
  }
  // Small enough to fit in still, and it would look as if nothing had been missing before it.
  writer.addEvent({ ms: 201_000, kind: 'input', data: {} })
  state.away = undefined
  await writer.flush()
  for (const ms of seconds(202, 3)) film(ms)
  await writer.finish('asked')
  const { times, manifest } = await read()
  const kept = times.findIndex((ms) => ms >= 202_000)
  assert.deepEqual(times.slice(0, kept), seconds(1, kept), 'all up to the gap')
  assert.deepEqual(times.slice(kept), seconds(202, 3), 'and all after it')
  assert.ok(kept * IMAGE.length > 7 * MIB && kept * IMAGE.length <= 8.1 * MIB, `${kept} images`)
  assert.deepEqual(manifest.gaps, [{ fromMs: times[kept - 1], toMs: 201_000 }])
  assert.deepEqual([manifest.totals.dropped, manifest.totals.frames], [202 - kept, times.length])
  assert.equal(manifest.totals.events, 0)
  assert.deepEqual([manifest.endedBy, ends], ['asked', []])
})

test('however much comes while the store is away, it is asked as often as there is a flush', async () => {
  const { state, writer, film } = recording()
  state.away = away()
  film(0)
  await writer.flush()
  state.tries = 0
  for (const ms of seconds(1, 60)) film(ms)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(state.tries, 0)
  await writer.flush()
  assert.equal(state.tries, 1)
})

test('a recording that ends while its store is away says that the last of it is lost', async () => {
  const { state, writer, film, read } = recording()
  film(1_000)
  await writer.flush()
  state.away = away()
  film(2_000)
  await writer.flush()
  state.takesManifest = true
  await writer.finish('asked')
  const { times, manifest } = await read()
  assert.deepEqual(times, [1_000])
  assert.deepEqual([manifest.complete, manifest.endedBy], [true, 'sink'])
  assert.deepEqual([manifest.totals.frames, manifest.lastMs], [1, 1_000])
})

test('a recording that nobody wants any more ends at once', async () => {
  const { state, writer, film, ends } = recording()
  state.away = problems.notFound({ id: 'ses_test' })
  film(1_000)
  await writer.flush()
  assert.deepEqual(ends, ['sink'])
  film(2_000)
  await writer.finish('sink')
  assert.deepEqual(ends, ['sink'])
})
