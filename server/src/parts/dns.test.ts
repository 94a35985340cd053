import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestDns } from '#test/dns.ts'
import { resolveAddresses } from './dns.ts'

const inTime = () => AbortSignal.timeout(30_000)

test('addresses of both kinds are found, IPv4 first; a name without any has none', async () => {
  await using dns = await TestDns.open()
  const both = ['2001:db8:0:0:0:0:0:7', '203.0.113.7']
  dns.addresses.set('shop.example.test', both).set('old.example.test', ['203.0.113.8'])
  const find = (name: string) => resolveAddresses(name, inTime(), [dns.address])
  assert.deepEqual(await find('shop.example.test'), ['203.0.113.7', '2001:db8::7'])
  assert.deepEqual(await find('old.example.test'), ['203.0.113.8'])
  assert.deepEqual(await find('none.example.test'), [])
  dns.isIll = true
  await assert.rejects(find('shop.example.test'), { code: 'ESERVFAIL' })
})

test('a name server that does not answer is waited for until the deadline, however many ask', async () => {
  await using dns = await TestDns.open()
  dns.isSilent = true
  const deadline = new AbortController()
  // More than the system's resolver has threads.
  const names = Array.from({ length: 20 }, (_, n) => `shop${n}.example.test`)
  const asked = names.map((name) => resolveAddresses(name, deadline.signal, [dns.address]))
  const settled = Promise.allSettled(asked)
  while (dns.asked < 2 * names.length) await new Promise((resolve) => setImmediate(resolve))
  deadline.abort()
  const answers = await settled
  const codes = answers.map((answer) => answer.status === 'rejected' && answer.reason.code)
  assert.deepEqual(new Set(codes), new Set(['ECANCELLED']))
  await assert.rejects(resolveAddresses('shop.example.test', deadline.signal, [dns.address]))
})

test('names of this machine are asked of nobody', async () => {
  await using dns = await TestDns.open()
  const find = (name: string) => resolveAddresses(name, inTime(), [dns.address])
  assert.deepEqual(await find('localhost'), ['127.0.0.1', '::1'])
  assert.deepEqual(await find('shop.localhost'), [])
  assert.equal(dns.asked, 0)
})
