import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TestClock } from '#test/clock.ts'
import type { EndpointSpec } from '#tunnels/index.ts'
import { Balance, type Wanted } from './balance.ts'

const everybody: Wanted = { has: () => true }
const check = {
  kind: 'tcp',
  intervalSeconds: 5,
  timeoutSeconds: 1,
  failures: 3,
  successes: 1,
} as const

function endpoint(id: string, given: Partial<EndpointSpec> = {}): EndpointSpec {
  return {
    id,
    url: `http://127.0.0.1/${id}`,
    agent: id,
    priority: 1,
    weight: 1,
    healthCheck: check,
    ...given,
  }
}

function startBalance(endpoints: EndpointSpec[], random = () => 0) {
  const clock = new TestClock()
  const balance = new Balance({ clock, random })
  balance.apply(endpoints)
  return { clock, balance }
}

/** How often each was chosen. */
function shares(balance: Balance, rounds: number, wanted = everybody): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let round = 0; round < rounds; round++) {
    const { id } = balance.choose(wanted) ?? { id: 'none' }
    counts[id] = (counts[id] ?? 0) + 1
  }
  return counts
}

function fail(balance: Balance, id: string, times = 5): void {
  for (let time = 0; time < times; time++) balance.failed(id, 'refused')
}

function stateOf(balance: Balance, id: string) {
  return balance.states().find((state) => state.id === id)!
}

test('shares follow the weights, exactly over each full round', () => {
  const weights = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(weights, (weights) => {
      const { balance } = startBalance(weights.map((weight, at) => endpoint(`${at}`, { weight })))
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      const counts = shares(balance, (total || weights.length) * 3)
      weights.forEach((weight, at) => {
        assert.equal(counts[at] ?? 0, (total === 0 ? 1 : weight) * 3)
      })
    }),
  )
})

test('requests are spread, not given in rows', () => {
  const { balance } = startBalance([endpoint('a', { weight: 5 }), endpoint('b'), endpoint('c')])
  const order = Array.from({ length: 7 }, () => balance.choose(everybody)!.id)
  assert.equal(order.join(''), 'aabacaa')
})

test('the lowest priority takes all, and the next one when none of it is usable', () => {
  const { balance } = startBalance([
    endpoint('standby', { priority: 2 }),
    endpoint('main', { priority: 1 }),
  ])
  assert.deepEqual(shares(balance, 4), { main: 4 })
  balance.health('main', 'unhealthy')
  assert.deepEqual(shares(balance, 4), { standby: 4 })
  balance.health('main', 'healthy')
  assert.deepEqual(shares(balance, 4), { main: 4 })
  assert.deepEqual(shares(balance, 4, { has: (agent) => agent === 'standby' }), { standby: 4 })
})

test('weight 0 is for when all else is gone', () => {
  const { balance } = startBalance([
    endpoint('drained', { weight: 0 }),
    endpoint('main'),
    endpoint('standby', { priority: 2 }),
  ])
  assert.deepEqual(shares(balance, 3), { main: 3 })
  balance.health('main', 'unhealthy')
  assert.deepEqual(shares(balance, 3), { standby: 3 })
  balance.health('standby', 'unhealthy')
  assert.deepEqual(shares(balance, 3), { drained: 3 })
})

test('when all are unhealthy they are used anyway, and those without an agent never', () => {
  const { balance } = startBalance([endpoint('a'), endpoint('b')])
  balance.health('a', 'unhealthy')
  balance.health('b', 'unhealthy')
  assert.deepEqual(shares(balance, 4), { a: 2, b: 2 })
  assert.equal(balance.choose({ has: () => false }), undefined)
  assert.equal(balance.choose({ ...everybody, not: new Set(['a', 'b']) }), undefined)
})

test('an endpoint whose check was taken away does not stay unhealthy for ever', () => {
  const { balance } = startBalance([endpoint('a'), endpoint('b')])
  balance.health('a', 'unhealthy')
  const unasked = { id: 'a', url: 'http://127.0.0.1/a', agent: 'a', priority: 1, weight: 1 }
  balance.apply([unasked, endpoint('b')])
  assert.equal(stateOf(balance, 'a').health, 'unknown')
  balance.health('a', 'unhealthy')
  assert.equal(stateOf(balance, 'a').health, 'unknown')
})

test('an endpoint with a new address begins anew, one with a new weight does not', () => {
  const { balance } = startBalance([endpoint('a'), endpoint('b')])
  fail(balance, 'a')
  balance.apply([endpoint('a', { weight: 7 }), endpoint('b')])
  assert.equal(stateOf(balance, 'a').breaker, 'open')
  balance.apply([endpoint('a', { url: 'http://127.0.0.1/other' }), endpoint('b')])
  assert.equal(stateOf(balance, 'a').breaker, 'closed')
})

test('five failures in a row eject; an answer between them does not', () => {
  const { balance } = startBalance([endpoint('a'), endpoint('b')])
  for (let round = 0; round < 3; round++) {
    fail(balance, 'a', 4)
    balance.answered('a', 500, 1)
  }
  assert.equal(stateOf(balance, 'a').breaker, 'closed')
  for (const status of [502, 503, 504, 503, 502]) balance.answered('a', status, 1)
  assert.deepEqual(shares(balance, 4), { b: 4 })
  const { breaker, ejections, ejectedForMs, lastFailure } = stateOf(balance, 'a')
  assert.deepEqual(
    { breaker, ejections, ejectedForMs, lastFailure },
    { breaker: 'open', ejections: 1, ejectedForMs: 30_000, lastFailure: 'answered 502' },
  )
})

test('after its ejection one request at a time tries, and each failure makes the next one longer', () => {
  const { balance, clock } = startBalance([endpoint('a'), endpoint('b')])
  fail(balance, 'a')
  const lasted = [1, 2, 3, 9, 10, 11, 40].map((turn) => {
    for (let left = Math.min(turn, 11) - stateOf(balance, 'a').ejections; left > 0; left--)
      nextProbe()
    return stateOf(balance, 'a').ejectedForMs
  })
  function nextProbe() {
    clock.advance(stateOf(balance, 'a').ejectedForMs!)
    assert.equal(stateOf(balance, 'a').breaker, 'half_open')
    assert.equal(shares(balance, 10)['a'], 1, 'one at a time')
    balance.failed('a', 'refused')
  }
  assert.deepEqual(lasted, [30_000, 60_000, 90_000, 270_000, 300_000, 300_000, 300_000])
})

test('a probe whose visitor left, or that nobody ever ended, makes room for another one', () => {
  const { balance, clock } = startBalance([endpoint('a'), endpoint('b')])
  fail(balance, 'a')
  clock.advance(30_000)
  assert.equal(shares(balance, 10)['a'], 1)
  balance.abandoned('a')
  assert.equal(shares(balance, 10)['a'], 1)
  clock.advance(10_000)
  assert.equal(shares(balance, 10)['a'], 1)
})

test('an endpoint that comes back takes its share slowly', () => {
  const { balance, clock } = startBalance([endpoint('a'), endpoint('b')])
  fail(balance, 'a')
  clock.advance(30_000)
  while (balance.choose(everybody)!.id !== 'a');
  balance.succeeded('a', 1)
  assert.equal(stateOf(balance, 'a').breaker, 'closed')
  const early = shares(balance, 1100)['a']!
  assert.ok(Math.abs(early - 100) <= 2, `${early} of 1100 at a tenth of the weight`)
  clock.advance(15_000)
  const half = shares(balance, 1500)['a']!
  assert.ok(Math.abs(half - 500) <= 2, `${half} of 1500 at half of the weight`)
  clock.advance(15_000)
  const all = shares(balance, 1000)['a']!
  assert.ok(Math.abs(all - 500) <= 2, `${all} of 1000`)
})

test('so does one whose agent was away, and one that was unhealthy', () => {
  const { balance } = startBalance([endpoint('a'), endpoint('b'), endpoint('c')])
  shares(balance, 3)
  shares(balance, 3, { has: (agent) => agent !== 'a' })
  balance.health('b', 'unhealthy')
  balance.health('b', 'healthy')
  shares(balance, 1)
  const warmth = balance.states().map((state) => state.warmth)
  assert.deepEqual(warmth, [0.1, 0.1, 1])
})

test('word that it does well ends an ejection early, but is not proof', () => {
  const { balance } = startBalance([endpoint('a'), endpoint('b')])
  fail(balance, 'a')
  balance.health('a', 'healthy')
  assert.equal(stateOf(balance, 'a').breaker, 'half_open')
})

test('an endpoint alone is never ejected, and of several one stays', () => {
  const alone = startBalance([endpoint('a')]).balance
  fail(alone, 'a', 100)
  assert.equal(stateOf(alone, 'a').breaker, 'closed')
  const { balance } = startBalance(['a', 'b', 'c', 'd', 'e'].map((id) => endpoint(id)))
  for (const id of ['a', 'b', 'c', 'd', 'e']) fail(balance, id, 100)
  const open = balance.states().filter(({ breaker }) => breaker === 'open')
  assert.deepEqual(
    open.map(({ id }) => id),
    ['a', 'b', 'c'],
  )
})

test('an answer of what was used though it was open closes it; of what had begun before does not', () => {
  const { balance } = startBalance([endpoint('a'), endpoint('b')])
  fail(balance, 'a')
  balance.succeeded('a', 1)
  assert.equal(stateOf(balance, 'a').breaker, 'open')
  assert.equal(balance.choose({ has: (agent) => agent === 'a' })!.id, 'a')
  balance.succeeded('a', 1)
  assert.equal(stateOf(balance, 'a').breaker, 'closed')
})

/** Any calls, on four endpoints of two priorities. */
const id = fc.constantFrom<string>('0', '1', '2', '3')
const step = fc.oneof(
  fc.record({
    kind: fc.constant('choose' as const),
    away: fc.uniqueArray(id),
    not: fc.uniqueArray(id),
  }),
  fc.record({ kind: fc.constant('fail' as const), id, times: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ kind: fc.constant('succeed' as const), id }),
  fc.record({ kind: fc.constant('abandon' as const), id }),
  fc.record({ kind: fc.constant('health' as const), id, isGood: fc.boolean() }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 400_000 }) }),
)

test('after any calls: never an endpoint that is out while another one is there, and no ejection lasts', () => {
  const weights = fc.tuple(...Array.from({ length: 4 }, () => fc.nat(5)))
  fc.assert(
    fc.property(
      weights,
      fc.array(step, { maxLength: 60 }),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      (weights, steps, random) => {
        const specs = weights.map((weight, at) =>
          endpoint(`${at}`, { weight, priority: at >> 1, healthCheck: check }),
        )
        const { balance, clock } = startBalance(specs, () => random)
        for (const step of steps) {
          if (step.kind === 'fail') fail(balance, step.id, step.times)
          if (step.kind === 'succeed') balance.succeeded(step.id, 1)
          if (step.kind === 'abandon') balance.abandoned(step.id)
          if (step.kind === 'health') balance.health(step.id, step.isGood ? 'healthy' : 'unhealthy')
          if (step.kind === 'wait') clock.advance(step.ms)
          if (step.kind === 'choose') {
            const before = balance.states()
            const chosen = balance.choose({
              has: (agent) => !step.away.includes(agent),
              not: new Set(step.not),
            })
            const there = specs.filter(
              ({ id }) => !step.away.includes(id) && !step.not.includes(id),
            )
            assert.equal(chosen !== undefined, there.length > 0, 'one is found when one is there')
            if (!chosen) continue
            assert.ok(there.includes(chosen), 'neither without its agent nor tried already')
            const isOut = (id: string) => {
              const { breaker, health } = before.find((state) => state.id === id)!
              return breaker === 'open' || health === 'unhealthy'
            }
            const better = there.filter(
              ({ id }) =>
                before.find((state) => state.id === id)!.breaker === 'closed' && !isOut(id),
            )
            if (isOut(chosen.id)) assert.deepEqual(better, [])
            const lower = better.filter(
              ({ priority, weight }) => priority < chosen.priority && weight > 0,
            )
            assert.deepEqual(lower, [], 'none of a lower priority was usable')
          }
          const open = balance.states().filter(({ breaker }) => breaker === 'open')
          assert.ok(open.length <= 2, 'at most half are ejected')
          for (const { ejectedForMs } of open)
            assert.ok(ejectedForMs! > 0 && ejectedForMs! <= 300_000)
        }
        clock.advance(300_000)
        assert.ok(balance.states().every(({ breaker }) => breaker !== 'open'))
      },
    ),
    { numRuns: 300 },
  )
})
