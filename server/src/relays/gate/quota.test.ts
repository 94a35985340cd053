import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trustKeys } from '#kernel/service-token.ts'
import { TestClock } from '#test/clock.ts'
import type { TunnelSpec } from '#tunnels/index.ts'
import { Gates } from './gates.ts'

const clock = new TestClock()
const MONTH_MS = 30 * 24 * 60 * 60 * 1000

function specOf(more: Partial<TunnelSpec>): TunnelSpec {
  return {
    ...{ id: 'tun_shop', accountId: 'acc_1', name: 'shop', kind: 'http', started: true },
    ...{ revision: 1, hostnames: ['shop.localhost'], endpoints: [], holders: {} },
    config: {
      ...{ maxConnections: 10, timeoutSeconds: 60, idleTimeoutSeconds: 60, queueSeconds: 0 },
      ...{ compression: false, hostHeader: 'preserve' },
      requestHeaders: { set: {}, remove: [] },
      responseHeaders: { set: {}, remove: [] },
      inspector: { enabled: false, bodyBytes: 0 },
    },
    access: {
      ...{ policy: 'public', addresses: [], generation: 1, grants: [] },
      ...{
        cookieKey: Buffer.alloc(32).toString('base64url'),
        visitUrl: 'https://gantry.test/visit',
      },
    },
    ...more,
  }
}

test('nobody new comes to a tunnel whose account has used up its bytes, until the month is over', async () => {
  const keys = trustKeys([])
  const gates = new Gates({ clock, keys: () => keys })
  const gate = gates.open(specOf({}))
  const ask = async (ip = '203.0.113.7') => {
    const request = { method: 'GET', url: '/', rawHeaders: [], host: 'shop.localhost', ip }
    return gate.judge({ ...request, secure: false })
  }
  const before = await ask()
  assert.ok(before.let)
  const untilMs = clock.now().getTime() + MONTH_MS
  const blocked = { code: 'tunnel.quota_exceeded', detail: 'All bytes are used.', untilMs }
  gate.apply(specOf({ blocked, revision: 2 }))
  const judged = await ask()
  assert.ok(!judged.let)
  assert.deepEqual([judged.answer.status, judged.code], [429, 'tunnel.quota_exceeded'])
  const retryAfter = judged.answer.headers[judged.answer.headers.indexOf('Retry-After') + 1]
  assert.equal(retryAfter, String(MONTH_MS / 1000))
  assert.equal(JSON.parse(judged.answer.body).detail, 'All bytes are used.')
  assert.ok(gate.stillAdmits(before), 'what is under way goes on')
  clock.advance(MONTH_MS)
  assert.ok((await ask()).let, 'it ends by itself')
})
