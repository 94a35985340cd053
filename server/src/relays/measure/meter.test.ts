import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TestClock } from '#test/clock.ts'
import { LATENCY_BOUNDS_MS } from '../control.ts'
import { bucketOf, quantile } from './histogram.ts'
import { Meter } from './meter.ts'
import { Meters } from './meters.ts'

function startMeter() {
  const clock = new TestClock()
  clock.advance(12_345)
  const meters = new Meters(clock)
  return { clock, meters, meter: new Meter(meters, 'tun_a') }
}

test('what was counted is taken once, by endpoint and minute', () => {
  const { clock, meters, meter } = startMeter()
  meter.request('end_a', false, 3)
  meter.request('end_a', true, 70_000)
  meter.request(undefined, true)
  meter.connection('end_a')
  meter.bytes('end_a', 10, 2 ** 40)
  const latency = LATENCY_BOUNDS_MS.map((bound) => (bound === 5 ? 1 : 0))
  const minute = '2026-11-20T12:00:00.000Z'
  const none = { connections: 0, bytesIn: 0, bytesOut: 0 }
  assert.deepEqual(meters.take(), [
    {
      ...{ tunnelId: 'tun_a', endpointId: 'end_a', minute, requests: 2, failures: 1 },
      ...{ connections: 1, bytesIn: 10, bytesOut: 2 ** 40, latency: [...latency, 1] },
    },
    {
      ...{ tunnelId: 'tun_a', minute, requests: 1, failures: 1, ...none },
      latency: Array.from({ length: LATENCY_BOUNDS_MS.length + 1 }, () => 0),
    },
  ])
  assert.deepEqual(meters.take(), [])
  clock.advance(60_000)
  meters.take()
  meter.bytes('end_a', 1, 0)
  assert.equal(meters.take()[0]!.minute, '2026-11-20T12:01:00.000Z')
})

test('figures are of the last minute, also while it is not taken', () => {
  const { clock, meters, meter } = startMeter()
  for (let second = 0; second < 120; second++) {
    for (let n = 0; n < 6; n++) meter.request('end_a', n === 0, n === 0 ? 900 : 4)
    meter.bytes('end_a', 100, 200)
    meters.take()
    clock.advance(1000)
  }
  const { endpoints, ...all } = meter.figures()
  assert.ok(Math.abs(all.requestsPerSecond - 6) <= 0.5, `${all.requestsPerSecond}`)
  assert.ok(all.p50Ms! > 2 && all.p50Ms! <= 5)
  assert.ok(all.p95Ms! > 500 && all.p95Ms! <= 1000)
  assert.deepEqual(endpoints, [{ endpointId: 'end_a', ...all }])
  clock.advance(65_000)
  meter.began('end_a')
  const idle = meter.figures()
  assert.deepEqual([idle.requestsPerSecond, idle.p50Ms, idle.inFlight], [0, undefined, 1])
})

test('an endpoint that is gone is forgotten once its counts were taken and nothing of it is under way', () => {
  const { meters, meter } = startMeter()
  meter.began('end_a')
  meter.bytes('end_a', 1, 1)
  const gone = new Set<string>()
  const known = () => meter.figures().endpoints.length
  meter.apply(gone)
  assert.equal(known(), 1)
  meters.take()
  meter.apply(gone)
  assert.equal(known(), 1)
  meter.ended('end_a')
  meter.apply(gone)
  assert.equal(known(), 0)
})

test('nothing is counted twice or lost between takes, however they fall', () => {
  const step = fc.oneof(
    fc.record({
      endpoint: fc.constantFrom('a', 'b', undefined),
      failed: fc.boolean(),
      ms: fc.nat(60_000),
    }),
    fc.constant('take' as const),
  )
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const { clock, meters, meter } = startMeter()
      const taken = steps.flatMap((step) => {
        clock.advance(7_000)
        if (step === 'take') return meters.take()
        meter.request(step.endpoint, step.failed, step.ms)
        return []
      })
      taken.push(...meters.take())
      const requests = steps.filter((step) => step !== 'take')
      const sum = (numbers: number[]) => numbers.reduce((one, other) => one + other, 0)
      assert.equal(sum(taken.map((entry) => entry.requests)), requests.length)
      assert.equal(
        sum(taken.map((entry) => entry.failures)),
        requests.filter(({ failed }) => failed).length,
      )
      assert.equal(sum(taken.flatMap((entry) => entry.latency)), requests.length)
    }),
  )
})

test('a time falls into the first bucket that holds it, and a quantile into the bucket of its time', () => {
  assert.deepEqual([0, 1, 1.1, 30_000, 30_000.1].map(bucketOf), [0, 0, 1, 13, 14])
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 40_000, noNaN: true }), { minLength: 1 }),
      (times) => {
        const counts = Array.from({ length: 15 }, () => 0)
        for (const ms of times) counts[bucketOf(ms)]!++
        for (const share of [0.5, 0.95, 0.99, 1]) {
          const exact = times.toSorted((a, b) => a - b)[Math.ceil(share * times.length) - 1]!
          const said = quantile(counts, share)!
          assert.equal(bucketOf(said), Math.min(13, bucketOf(exact)), `${said} for ${exact}`)
        }
      },
    ),
  )
  assert.equal(
    quantile(
      Array.from({ length: 15 }, () => 0),
      0.5,
    ),
    undefined,
  )
})
