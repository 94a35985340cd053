import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rollThrough } from './rolling-fixture.ts'

test('orders through a rolling restart of two relays: none is lost, none is taken twice', async (t) => {
  // Each relay twice.
  const rolled = await rollThrough({ orders: 1_000, restarts: 4 })
  const { restarts, orders, served, sentAgain, failed, wrong } = rolled
  t.diagnostic(`${orders} orders, ${restarts} restarts, ${sentAgain} sent again by the balancer`)
  assert.deepEqual(failed, [])
  assert.deepEqual(wrong, [])
  assert.equal(served, orders)
})
