import assert from 'node:assert/strict'
import { test } from 'node:test'
import pino from 'pino'
import { systemClock } from '#kernel/clock.ts'
import { MANIFEST, type Manifest } from './manifest.ts'
import { PartWriter } from './part-writer.ts'
import { resumed } from './resume.ts'

const log = pino({ level: 'silent' })
const STARTED_MS = Date.parse('2026-01-01T00:00:00Z')
const FRESH: Manifest = {
  format: 'gantry-recording',
  version: 1,
  sessionId: 'ses_test',
  startedAt: new Date(STARTED_MS).toISOString(),
  updatedAt: new Date(STARTED_MS).toISOString(),
  options: { frames: false, network: false, credentials: false, fps: 2, quality: 50 },
  parts: [],
  totals: { frames: 0, events: 0, bytes: 0, dropped: 0 },
  lastMs: 0,
  complete: false,
}

/** A process that records one thing at the offset; the name of its part, and the manifest from before and from after it. */
async function record(manifest: Manifest, ms: number) {
  const before = structuredClone(manifest)
  const names: string[] = []
  const sink = { write: async (name: string) => void names.push(name) }
  const clock = systemClock
  const options = { manifest, sink, clock, log, maxBytes: 1e6, onFull: () => {} }
  const writer = new PartWriter(options)
  writer.addEvent({ ms, kind: 'input', data: {} })
  await writer.flush()
  return { before, after: manifest, name: names.find((name) => name !== MANIFEST)! }
}

test('however often processes are killed before a manifest names their part, no part is written twice', async () => {
  const names: string[] = []
  let { after: manifest } = await record(structuredClone(FRESH), 1_000)
  for (const atMs of [5_000, 9_000, 9_000, 12_000]) {
    const { before, name } = await record(resumed(manifest, new Date(STARTED_MS + atMs)), atMs)
    names.push(name)
    manifest = before
  }
  assert.equal(new Set(names).size, names.length, names.join())
  assert.ok(!names.includes(manifest.parts[0]!.name))
  const { gaps } = manifest
  assert.deepEqual(gaps, [
    { fromMs: 1_000, toMs: 5_000 },
    { fromMs: 5_000, toMs: 9_000 },
    { fromMs: 9_000, toMs: 9_000 },
    { fromMs: 9_000, toMs: 12_000 },
  ])
})

test('after a part that was stored the next gap begins at its end', async () => {
  const { after } = await record(resumed(FRESH, new Date(STARTED_MS + 2_000)), 3_000)
  const { gaps } = resumed(after, new Date(STARTED_MS + 7_000))
  assert.deepEqual(gaps?.at(-1), { fromMs: 3_000, toMs: 7_000 })
})
