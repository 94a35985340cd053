import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { clientAddresses } from './client-address.ts'

function from(remoteAddress: string, forwarded?: string): IncomingMessage {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  return { socket: { remoteAddress }, headers } as unknown as IncomingMessage
}

test('nobody is believed about where they come from but trusted proxies, each about the one before it', () => {
  const direct = clientAddresses([])
  assert.equal(direct(from('192.0.2.1', '203.0.113.9')), '192.0.2.1')
  const behind = clientAddresses(['10.0.0.0/8', '::1'])
  assert.equal(behind(from('192.0.2.1', '203.0.113.9')), '192.0.2.1')
  assert.equal(behind(from('10.0.0.1', '203.0.113.9')), '203.0.113.9')
  assert.equal(behind(from('::1', '198.51.100.1, 203.0.113.9, 10.2.3.4')), '203.0.113.9')
  assert.equal(behind(from('::ffff:10.0.0.1', ' 203.0.113.9 ')), '203.0.113.9')
})

test('when all of the way is trusted, it is the far end of it; nonsense counts as untrusted', () => {
  const behind = clientAddresses(['10.0.0.0/8'])
  assert.equal(behind(from('10.0.0.1')), '10.0.0.1')
  assert.equal(behind(from('10.0.0.1', '10.0.0.3, 10.0.0.2')), '10.0.0.3')
  assert.equal(behind(from('10.0.0.1', '203.0.113.9, unknown')), 'unknown')
  assert.equal(behind(from('10.0.0.1', ',,')), '10.0.0.1')
})
