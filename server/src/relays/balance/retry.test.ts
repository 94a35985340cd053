import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TestClock } from '#test/clock.ts'
import { RetryBudget } from './retry-budget.ts'
import { type Failure, mayRetry } from './retry.ts'

const nothing = { body: false, answer: false }
const failures = ['refused', 'unsent', 'reset', 'link_lost', 'timeout', 'unavailable'] as const
const mayHaveArrived = new Set<Failure>(['reset', 'link_lost', 'timeout', 'unavailable'])

test('what never arrived may be tried elsewhere, whatever it was', () => {
  for (const method of ['GET', 'POST', 'PATCH', 'DELETE', 'LOCK']) {
    assert.ok(mayRetry(method, nothing, 'refused'))
    assert.ok(mayRetry(method, nothing, 'unsent'))
  }
})

test('what may have arrived is tried again only when twice does what once does', () => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) {
    assert.ok(mayRetry(method, nothing, 'reset'))
    assert.ok(mayRetry(method, nothing, 'link_lost'))
    assert.ok(!mayRetry(method, nothing, 'timeout'))
  }
  const method = fc.oneof(fc.constantFrom('POST', 'PATCH', 'CONNECT', 'post', 'get'), fc.string())
  fc.assert(
    fc.property(
      method,
      fc.constantFrom(...failures),
      fc.boolean(),
      fc.boolean(),
      (method, failure, body, answer) => {
        fc.pre(!['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'].includes(method))
        if (mayHaveArrived.has(failure)) assert.ok(!mayRetry(method, { body, answer }, failure))
      },
    ),
  )
})

test('nothing is tried again once its body was read or its answer had begun', () => {
  for (const failure of failures) {
    assert.ok(!mayRetry('PUT', { body: true, answer: false }, failure))
    assert.ok(!mayRetry('GET', { body: false, answer: true }, failure))
  }
})

test('a fifth of what is under way may be retries, and three a second beside', () => {
  const clock = new TestClock()
  const budget = new RetryBudget(clock)
  budget.began()
  const tries = () => Array.from({ length: 30 }, () => budget.tryRetry()).filter(Boolean).length
  assert.equal(tries(), 3)
  clock.advance(999)
  assert.equal(tries(), 0)
  clock.advance(1)
  assert.equal(tries(), 3)
  budget.ended(6)
  for (let n = 0; n < 100; n++) budget.began()
  assert.equal(tries(), 20)
})

test('whatever is asked of it, the budget is never exceeded', () => {
  const step = fc.oneof(
    fc.constant('begin' as const),
    fc.constant('retry' as const),
    fc.constant('end' as const),
    fc.integer({ min: 1, max: 700 }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const clock = new TestClock()
      const budget = new RetryBudget(clock)
      /** Of each request under way, its retries. */
      const under: number[] = []
      const beyond: number[] = []
      for (const step of steps) {
        if (typeof step === 'number') clock.advance(step)
        if (step === 'begin') {
          budget.began()
          under.push(0)
        }
        if (step === 'end' && under.length > 0) budget.ended(under.shift())
        const { active, retrying } = budget.figures
        if (step === 'retry' && under.length > 0 && budget.tryRetry()) {
          under[under.length - 1]!++
          if (retrying + 1 > active * 0.2) beyond.push(clock.monotonicMs())
        }
        const inSecond = beyond.filter((at) => at > clock.monotonicMs() - 1000)
        assert.ok(inSecond.length <= 3)
        const sum = under.reduce((sum, retries) => sum + retries, 0)
        assert.deepEqual(budget.figures, { active: under.length, retrying: sum })
      }
    }),
  )
})
