import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { PassingBuffers } from './memory.ts'

test('buffers are collected while much passes, and not for little', async (t) => {
  const kinds: string[] = []
  const before = globalThis.gc
  t.after(() => (globalThis.gc = before))
  globalThis.gc = (({ type }: { type: string }) =>
    void kinds.push(type)) as unknown as typeof before
  const buffers = new PassingBuffers()
  buffers.passed(1024 * 1024)
  await setImmediate()
  assert.deepEqual(kinds, [])
  for (let i = 0; i < 128; i++) buffers.passed(64 * 1024)
  await setImmediate()
  assert.deepEqual(kinds, ['minor', 'minor'])
})
