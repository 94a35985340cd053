import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AddressRanges, isAddressRange } from './address-ranges.ts'

test('a range includes its addresses, in every spelling, and no others', () => {
  const ranges = new AddressRanges(['203.0.113.0/24', '198.51.100.7', '2001:db8::/32'])
  const inside = [
    ...['203.0.113.0', '203.0.113.255', '198.51.100.7', '::ffff:203.0.113.9', '::ffff:cb00:7109'],
    ...['2001:db8::1', '2001:DB8:ffff:0::'],
  ]
  const outside = [
    ...['203.0.114.0', '198.51.100.8', '::ffff:203.0.114.1', '2001:db9::', '::1'],
    ...['', 'localhost', '203.0.113', '203.0.113.1/32', '2001:db8::1%eth0'],
  ]
  for (const address of inside) assert.equal(ranges.include(address), true, address)
  for (const address of outside) assert.equal(ranges.include(address), false, address)
})

test('no ranges include nothing, and the whole of one family nothing of the other', () => {
  assert.equal(new AddressRanges([]).include('127.0.0.1'), false)
  assert.equal(new AddressRanges(['0.0.0.0/0']).include('2001:db8::1'), false)
  assert.equal(new AddressRanges(['::/0']).include('203.0.113.1'), false)
  assert.equal(new AddressRanges(['::ffff:10.0.0.0/104']).include('10.255.0.1'), true)
})

test('what is no range is told', () => {
  for (const entry of [
    '203.0.113.7',
    '203.0.113.0/0',
    '::/0',
    '2001:db8::/128',
    '::ffff:10.0.0.0/96',
  ]) {
    assert.equal(isAddressRange(entry), true, entry)
  }
  const wrong = [
    ...[
      '',
      '/',
      '203.0.113.0/',
      '203.0.113.0/33',
      '203.0.113.0/-1',
      '203.0.113.0/8/8',
      '2001:db8::/129',
    ],
    ...[
      '203.0.113.0/1e1',
      '0x7f.1',
      'localhost',
      '2001:db8::1%eth0',
      '10.0.0.0/ 8',
      '::ffff:10.0.0.0/90',
    ],
  ]
  for (const entry of wrong) assert.equal(isAddressRange(entry), false, entry)
  assert.throws(() => new AddressRanges(['10.0.0.0/8', 'moon']), /"moon"/)
})

test('a link-local peer is in its range by whatever interface it came', () => {
  const ranges = new AddressRanges(['fe80::/10', '10.0.0.0/8'])
  for (const address of ['fe80::1', 'fe80::1%eth0', 'FEBF::1%2', 'fe80::a:b%wlan0.1']) {
    assert.equal(ranges.include(address), true, address)
  }
  for (const other of ['10.0.0.1%eth0', '2001:db8::1%eth0', '%eth0', 'fe80::1%', 'fec0::1%eth0']) {
    assert.equal(ranges.include(other), false, other)
  }
})
