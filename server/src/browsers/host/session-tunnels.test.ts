import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AddressGuard } from '#kernel/addresses.ts'
import { EgressFailure } from './egress-failure.ts'
import { findRoute } from './egress-route.ts'
import { type EgressRules, parseEgressRules } from './egress-rules.ts'
import { throughTunnel, TunnelUnavailable } from './session-tunnels.ts'

const asked: string[] = []
const guard = {
  resolve: async (host: string) => {
    asked.push(host)
    return [{ address: '203.0.113.7', family: 4 }]
  },
} as unknown as AddressGuard
const judges = { guard, sessionId: 'ses_1', isReserved: () => false }

/** Where a host leads, or why it leads nowhere. */
async function wayTo(hostname: string, port = 80, rules: EgressRules = { tunnels: ['shop'] }) {
  try {
    const { tunnel, host, upstream } = await findRoute(
      { hostname, port },
      parseEgressRules(rules),
      judges,
    )
    return tunnel === undefined ? `to ${host}` : `through ${tunnel}${upstream ? ' and more' : ''}`
  } catch (error) {
    return (error as EgressFailure).reason
  }
}

test('a tunnel of the session is found in any spelling, and no name server is ever asked for one', async () => {
  asked.length = 0
  for (const host of ['shop.tunnel', 'SHOP.Tunnel', 'shop.tunnel.']) {
    assert.equal(await wayTo(host), 'through shop')
  }
  const proxied = { tunnels: ['shop'], upstream: 'http://proxy.example:3128' }
  assert.equal(await wayTo('shop.tunnel', 80, proxied), 'through shop')
  for (const host of ['other.tunnel', 'a.shop.tunnel', 'tunnel', 'shop.tunnel.tunnel']) {
    for (const rules of [{ tunnels: ['shop'] }, {}, proxied]) {
      assert.equal(await wayTo(host, 80, rules), 'name_not_resolved', host)
    }
  }
  assert.deepEqual(asked, [])
  assert.equal(await wayTo('shop.tunnel.evil.com'), 'to shop.tunnel.evil.com')
  assert.equal(await wayTo('shoptunnel.com'), 'to shoptunnel.com')
})

test('ports and lists are judged for tunnels as for hosts', async () => {
  assert.equal(await wayTo('shop.tunnel', 443), 'tunnel_secure')
  assert.equal(await wayTo('shop.tunnel', 8080), 'tunnel_port')
  assert.equal(await wayTo('other.tunnel', 443), 'name_not_resolved')
  const tunnels = ['shop']
  assert.equal(await wayTo('shop.tunnel', 80, { tunnels, deny: ['shop.tunnel'] }), 'denied')
  assert.equal(await wayTo('shop.tunnel', 80, { tunnels, deny: ['*.tunnel'] }), 'denied')
  assert.equal(await wayTo('shop.tunnel', 80, { tunnels, allow: ['a.example'] }), 'through shop')
  assert.equal(await wayTo('b.tunnel', 80, { tunnels, allow: ['a.example'] }), 'not_allowed')
})

test('of a tunnel that may not be used any more no more is told than of an unknown host', async () => {
  const { signal } = new AbortController()
  const reasonOf = (error: Error | undefined) =>
    throughTunnel(
      'shop',
      { sessionId: 'ses_1', ...(error && { openTunnel: () => Promise.reject(error) }) },
      signal,
    ).catch((failure: EgressFailure) => failure.reason)
  assert.equal(await reasonOf(new TunnelUnavailable('unknown')), 'name_not_resolved')
  assert.equal(await reasonOf(undefined), 'name_not_resolved')
  assert.equal(await reasonOf(new TunnelUnavailable('offline')), 'tunnel_offline')
  assert.equal(await reasonOf(new Error('broken')), 'tunnel_unreachable')
})
