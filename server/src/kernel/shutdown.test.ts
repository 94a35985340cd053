import assert from 'node:assert/strict'
import { test } from 'node:test'
import pino from 'pino'
import { closeInOrder } from './shutdown.ts'

function journal() {
  const lines: { step: string; level: number; err?: { message: string } }[] = []
  const log = pino(
    { level: 'warn' },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  )
  return { log, lines }
}

test('each thing is closed when the one before it has closed', async () => {
  const { log, lines } = journal()
  const seen: string[] = []
  const step = (name: string) => ({
    name,
    close: async () => {
      seen.push(`${name} begins`)
      await new Promise(setImmediate)
      seen.push(`${name} ends`)
    },
  })
  await closeInOrder([step('a'), step('b')], 5_000, log)
  assert.deepEqual(seen, ['a begins', 'a ends', 'b begins', 'b ends'])
  assert.deepEqual(lines, [])
})

test('what fails or hangs is named, and the rest has its turn within the time', async () => {
  const { log, lines } = journal()
  const seen: string[] = []
  const steps = [
    { name: 'throws', close: () => Promise.reject(new Error('no')) },
    { name: 'throws at once', close: (): Promise<void> => assert.fail('no') },
    { name: 'hangs', close: () => new Promise(() => undefined) },
    { name: 'hangs too', close: () => new Promise(() => undefined) },
    { name: 'last', close: async () => seen.push('last') },
  ]
  await closeInOrder(steps, 1_000, log)
  assert.deepEqual(seen, ['last'])
  assert.deepEqual(
    lines.map(({ step }) => step),
    ['throws', 'throws at once', 'hangs', 'hangs too'],
  )
  assert.match(lines[2]!.err!.message, /took longer than \d+ ms/)
})

test('a thing with a share takes no more than that, so that the next ones have theirs', async () => {
  const { log } = journal()
  const steps = [
    { name: 'hangs', share: 1 / 60, close: () => new Promise(() => undefined) },
    { name: 'needs a second', close: () => new Promise((done) => setTimeout(done, 1_000)) },
  ]
  const startedMs = performance.now()
  await closeInOrder(steps, 60_000, log)
  const tookMs = performance.now() - startedMs
  assert.ok(tookMs >= 1_990 && tookMs < 30_000, `${tookMs} ms`)
})
