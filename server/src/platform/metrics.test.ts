import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metricsGuard } from './metrics.ts'

const TOKEN = 'a-token-of-the-scraper'

test('this machine and the allowed addresses may read, in every spelling of them', () => {
  const guard = metricsGuard({ allow: ['10.1.0.0/16', '192.0.2.7', '2001:db8::/32'] })
  const may = (ip: string) => guard({ ip, headers: {} })
  for (const ip of [
    '127.0.0.1',
    '127.8.9.1',
    '::1',
    '::ffff:127.0.0.1',
    '10.1.255.3',
    '192.0.2.7',
  ]) {
    assert.ok(may(ip), ip)
  }
  assert.ok(may('::ffff:10.1.2.3'))
  assert.ok(may('2001:db8:1::9'))
  for (const ip of ['10.2.0.1', '192.0.2.8', '203.0.113.9', '2001:db9::1', '::ffff:10.2.0.1']) {
    assert.ok(!may(ip), ip)
  }
})

test('a client behind a proxy on this machine is not this machine', () => {
  const guard = metricsGuard({ allow: [] })
  for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via']) {
    assert.ok(!guard({ ip: '127.0.0.1', headers: { [name]: '203.0.113.9' } }), name)
  }
})

test('the token opens from anywhere, and only the whole of it', () => {
  const guard = metricsGuard({ allow: [], token: TOKEN })
  const may = (authorization: string) => guard({ ip: '203.0.113.9', headers: { authorization } })
  assert.ok(may(`Bearer ${TOKEN}`))
  assert.ok(may(`bearer ${TOKEN}`))
  for (const wrong of ['', 'Bearer', 'Bearer ', TOKEN, `Basic ${TOKEN}`, `Bearer ${TOKEN}x`]) {
    assert.ok(!may(wrong), wrong)
  }
  assert.ok(!may(`Bearer ${TOKEN.slice(0, -1)}`))
  const none = metricsGuard({ allow: [] })
  assert.ok(!none({ ip: '203.0.113.9', headers: { authorization: 'Bearer undefined' } }))
})
