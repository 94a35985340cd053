import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TestClock } from '#test/clock.ts'
import { Bandwidth } from './bandwidth.ts'

test('without a limit nothing waits, and with one all that passes takes its time', () => {
  const clock = new TestClock()
  const bandwidth = new Bandwidth(clock)
  assert.equal(bandwidth.take(1e9), 0)
  bandwidth.apply(1_000)
  assert.equal(bandwidth.take(250), 0)
  assert.equal(bandwidth.take(500), 500)
  // Another stream of the same tunnel, at the same time.
  assert.equal(bandwidth.take(500), 1_000)
  clock.advance(60_000)
  // A rest saves up no more than a quarter of a second.
  assert.equal(bandwidth.take(350), 100)
})

test('a change holds at once, and what was taken before still counts', () => {
  const clock = new TestClock()
  const bandwidth = new Bandwidth(clock, 1_000)
  assert.equal(bandwidth.take(10_250), 10_000)
  clock.advance(5_000)
  bandwidth.apply(5_000)
  assert.equal(bandwidth.take(0), 1_000)
  bandwidth.apply(undefined)
  assert.equal(bandwidth.take(1e9), 0)
  bandwidth.apply(1_000)
  assert.equal(bandwidth.take(350), 100)
})

test('many streams that wait as they are told keep to the limit together', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { maxLength: 50 }), (chunks) => {
      const clock = new TestClock()
      const bandwidth = new Bandwidth(clock, 10_000)
      const due = chunks.map((bytes) => bandwidth.take(bytes))
      const total = chunks.reduce((sum, bytes) => sum + bytes, 0)
      const last = Math.max(0, ...due)
      assert.ok(Math.abs(last - Math.max(0, (total - 2_500) / 10)) < 1e-6)
      assert.deepEqual(
        due,
        due.toSorted((one, other) => one - other),
      )
    }),
  )
})
