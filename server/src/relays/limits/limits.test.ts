import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { systemClock } from '#kernel/clock.ts'
import { TestClock } from '#test/clock.ts'
import { addressKey } from './address-key.ts'
import { LimitReached, Limits, type Slot } from './limits.ts'
import { PerAddress } from './per-address.ts'
import { Rates } from './rates.ts'

const QUEUED = { maxConnections: 1, queueSeconds: 60 }

function enterNow(limits: Limits): Slot {
  const slot = limits.enter()
  assert.ok(!(slot instanceof Promise))
  return slot
}

/** A refusal at once is one later, too. */
async function enter(limits: Limits, signal?: AbortSignal): Promise<Slot> {
  return limits.enter(signal)
}

test('so many are inside at once, and the next is refused at once when nobody may wait', () => {
  const limits = new Limits(systemClock, { maxConnections: 2, queueSeconds: 0 })
  const first = enterNow(limits)
  enterNow(limits)
  assert.throws(
    () => limits.enter(),
    (error: LimitReached) => error.limit === 2 && error.retryAfterSeconds > 0,
  )
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  assert.equal(limits.inUse, 1)
  enterNow(limits)
  assert.throws(() => limits.enter(), LimitReached)
})

test('a change holds at once: those inside stay, and those who wait come in', async () => {
  const limits = new Limits(systemClock, { maxConnections: 1, queueSeconds: 60 })
  enterNow(limits)
  const waiting = [enter(limits), enter(limits)]
  limits.apply({ maxConnections: 3, queueSeconds: 60 })
  const slots = await Promise.all(waiting)
  assert.equal(limits.inUse, 3)
  limits.apply({ maxConnections: 1, queueSeconds: 0 })
  slots[0]![Symbol.dispose]()
  assert.throws(() => limits.enter(), LimitReached)
  assert.equal(
    new Limits(systemClock, { maxConnections: 4, queueSeconds: 0, share: 0.5 }).enter() instanceof
      Promise,
    false,
  )
})

test('who waits longest comes first, and under load the newest', async () => {
  const clock = new TestClock()
  const limits = new Limits(clock, QUEUED)
  let held = enterNow(limits)
  const came: string[] = []
  const wait = async (name: string) => {
    const slot = await limits.enter()
    came.push(name)
    held = slot
  }
  const all = [wait('a'), wait('b'), wait('c'), wait('d')]
  held[Symbol.dispose]()
  await setImmediate()
  clock.advance(31_000)
  held[Symbol.dispose]()
  await setImmediate()
  assert.deepEqual(came, ['a', 'd'])
  assert.equal(held.queuedMs, 31_000)
  for (const _ of [1, 2]) {
    held[Symbol.dispose]()
    await setImmediate()
  }
  await Promise.all(all)
  held[Symbol.dispose]()
  assert.deepEqual([limits.inUse, limits.waiting], [0, 0])
})

test('the queue is bounded, ends in time, and forgets who has gone', async () => {
  const limits = new Limits(systemClock, { maxConnections: 1, queueSeconds: 0.05 })
  const held = enterNow(limits)
  const gone = new AbortController()
  const left = enter(limits, gone.signal)
  const late = Array.from({ length: 15 }, () => enter(limits))
  assert.throws(() => limits.enter(), LimitReached)
  gone.abort(new Error('gone'))
  await assert.rejects(left, /gone/)
  for (const one of late) await assert.rejects(one, LimitReached)
  assert.equal(limits.waiting, 0)
  held[Symbol.dispose]()
  assert.equal(limits.inUse, 0)
})

test('never more are inside than may be, and none is lost, whatever happens', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('enter' as const) }),
    fc.record({ do: fc.constant('leave' as const) }),
    fc.record({ do: fc.constant('abort' as const) }),
    fc.record({ do: fc.constant('apply' as const), max: fc.integer({ min: 1, max: 4 }) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const limits = new Limits(systemClock, { maxConnections: 2, queueSeconds: 60 })
      const inside: Slot[] = []
      const aborts: AbortController[] = []
      let [max, ended] = [2, 0]
      for (const step of steps) {
        const before = limits.inUse
        if (step.do === 'enter') {
          const abort = new AbortController()
          aborts.push(abort)
          void enter(limits, abort.signal).then(
            (slot) => inside.push(slot),
            () => ended++,
          )
        } else if (step.do === 'leave') inside.shift()?.[Symbol.dispose]()
        else if (step.do === 'abort') aborts.pop()?.abort(new Error('gone'))
        else limits.apply({ maxConnections: (max = step.max), queueSeconds: 60 })
        await setImmediate()
        assert.ok(limits.inUse <= Math.max(max, before))
        assert.ok(limits.waiting === 0 || limits.inUse >= max)
        assert.equal(limits.inUse, inside.length)
      }
      while (inside.length > 0) {
        inside.shift()![Symbol.dispose]()
        await setImmediate()
      }
      assert.deepEqual([limits.inUse, limits.waiting], [0, 0])
    }),
    { numRuns: 100 },
  )
})

test('a rate is exact over any stretch of time, and keeps a bounded number of keys', () => {
  const clock = new TestClock()
  const rates = new Rates({ clock, perSecond: 10, burst: 5, maxKeys: 100 })
  const taken: number[] = []
  for (let ms = 0; ms < 5_000; ms += 7) {
    if (rates.take('a') === 0) taken.push(ms)
    clock.advance(7)
  }
  for (const from of taken) {
    const within = taken.filter((ms) => ms >= from && ms < from + 1000)
    assert.ok(within.length <= 15, `${within.length} in a second`)
  }
  assert.ok(taken.length >= 50 && taken.length <= 56, `${taken.length}`)
  assert.ok(rates.take('a') <= 100)
  for (let at = 0; at < 1_000; at++) rates.take(`key ${at}`)
  assert.equal(rates.size, 100)
})

test('T48: one address, which of IPv6 is a /64, has its bounds over all tunnels', () => {
  const perAddress = new PerAddress({ maxConnections: 2 })
  const held = [perAddress.connect('2001:db8::1'), perAddress.connect('2001:db8:0:0:ffff::2')]
  assert.ok(held.every(Boolean))
  assert.equal(perAddress.connect('2001:db8::3'), undefined)
  assert.ok(perAddress.connect('2001:db8:0:1::3'))
  held[0]!()
  held[0]!()
  assert.ok(perAddress.connect('2001:db8::3'))
  assert.equal(perAddress.connect('2001:db8::3'), undefined)
  const keys = ['192.0.2.1', '::ffff:192.0.2.1', '2001:DB8:0:0::9', 'fe80::1%eth0', 'nonsense:']
  assert.deepEqual(keys.map(addressKey), [
    '192.0.2.1',
    '192.0.2.1',
    '2001:db8:0:0::/64',
    'fe80:0:0:0::/64',
    'unknown',
  ])
})
