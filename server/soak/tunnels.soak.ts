import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rollThrough } from '#relays/rolling-fixture.ts'

test('100,000 orders through a rolling restart of two relays: none is lost, none is taken twice', async (t) => {
  const { restarts, served, sentAgain, failed, wrong } = await rollThrough(100_000)
  t.diagnostic(`${restarts} restarts, ${sentAgain} orders sent again by the balancer`)
  assert.deepEqual(failed, [])
  assert.deepEqual(wrong, [])
  assert.equal(served, 100_000)
  assert.ok(restarts > 3)
})
