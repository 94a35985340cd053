import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { systemClock } from '#kernel/clock.ts'
import { TestClock } from '#test/clock.ts'
import { Bandwidth, pacing } from './bandwidth.ts'

test('without a limit nothing waits, and with one all that passes takes its time', () => {
  const clock = new TestClock()
  const bandwidth = new Bandwidth(clock)
  assert.equal(bandwidth.take(1e9), 0)
  bandwidth.apply(1_000)
  assert.equal(bandwidth.take(250), 0)
  assert.equal(bandwidth.take(500), 500)
  // Another stream of the same tunnel, at the same time.
  assert.equal(bandwidth.take(500), 1_000)
  clock.advance(1_000)
  assert.equal(bandwidth.leftMs(bandwidth.position), 0)
  clock.advance(60_000)
  // A rest saves up no more than a quarter of a second.
  assert.equal(bandwidth.take(350), 100)
})

test('a change holds for what waits already', () => {
  const clock = new TestClock()
  const bandwidth = new Bandwidth(clock, 1_000)
  bandwidth.take(10_250)
  assert.equal(bandwidth.leftMs(bandwidth.position), 10_000)
  clock.advance(5_000)
  bandwidth.apply(5_000)
  assert.equal(bandwidth.leftMs(bandwidth.position), 1_000)
  bandwidth.apply(undefined)
  assert.equal(bandwidth.leftMs(bandwidth.position), 0)
  bandwidth.apply(1_000)
  assert.equal(bandwidth.take(350), 100)
})

test('many streams together keep to the limit, and the bytes are those that came', async () => {
  const bandwidth = new Bandwidth(systemClock, 400_000)
  const began = performance.now()
  const chunks = () => Readable.from(Array.from({ length: 5 }, (_, at) => Buffer.alloc(10_000, at)))
  const all = await Promise.all(
    [1, 2, 3, 4, 5, 6].map(() => buffer(chunks().pipe(pacing(bandwidth)))),
  )
  const ms = performance.now() - began
  // 300,000 bytes, of which 100,000 are free.
  assert.ok(ms >= 480, `${ms} ms`)
  for (const bytes of all) assert.deepEqual(bytes, await buffer(chunks()))
})

test('what is paced holds back whoever sends', async () => {
  const bandwidth = new Bandwidth(systemClock, 1_000)
  const stream = pacing(bandwidth)
  stream.write(Buffer.alloc(100_000))
  let written = 0
  while (stream.write(Buffer.alloc(4_096)) && written < 100) written++
  assert.ok(written < 100)
  stream.destroy()
})
