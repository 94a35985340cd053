import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { equalDigests, makeKeyring, sha256, UnsealFailed } from './crypto.ts'
import { keyringOver } from './crypto/keyring.ts'
import { SealingKey } from './crypto/sealing-key.ts'

const keyring = makeKeyring(sha256('a master key'))
const place = ['sign_ins', 'sgn_1', 'refresh_key']
const secret = Buffer.from('a secret of some length')

test('what was sealed for a place opens there', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.array(fc.string()), (plaintext, aad) => {
      const sealed = keyring.seal('test', aad, plaintext)
      assert.deepEqual(keyring.open('test', aad, sealed), Buffer.from(plaintext))
    }),
  )
})

test('two records of one text differ', () => {
  assert.notDeepEqual(keyring.seal('test', place, secret), keyring.seal('test', place, secret))
})

test('a record opens for no other place, purpose or master key', () => {
  const sealed = keyring.seal('test', place, secret)
  const others: [string, string[]][] = [
    ['test', ['sign_ins', 'sgn_2', 'refresh_key']],
    ['test', ['sign_ins', 'sgn_1refresh_key']],
    ['test', ['sign_inssgn_1', '', 'refresh_key']],
    ['other', place],
  ]
  for (const [purpose, aad] of others) {
    assert.throws(() => keyring.open(purpose, aad, sealed), UnsealFailed)
  }
  const stranger = makeKeyring(sha256('another master key'))
  assert.throws(() => stranger.open('test', place, sealed), UnsealFailed)
})

test('a record with one bit changed, cut short or grown does not open', () => {
  const sealed = keyring.seal('test', place, secret)
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const bent = Buffer.from(sealed)
    bent[bit >> 3]! ^= 1 << (bit & 7)
    assert.throws(() => keyring.open('test', place, bent), UnsealFailed, `bit ${bit}`)
  }
  for (let length = 0; length < sealed.length; length++) {
    const cut = sealed.subarray(0, length)
    assert.throws(() => keyring.open('test', place, cut), UnsealFailed, `${length} bytes`)
  }
  const grown = Buffer.concat([sealed, Buffer.of(0)])
  assert.throws(() => keyring.open('test', place, grown), UnsealFailed)
})

test('each purpose has a key of its own, which no caller can change', () => {
  assert.notDeepEqual(keyring.derive('one'), keyring.derive('two'))
  keyring.derive('one').fill(0)
  assert.deepEqual(keyring.derive('one'), makeKeyring(sha256('a master key')).derive('one'))
  assert.notDeepEqual(keyring.mac('one', 'text'), keyring.mac('two', 'text'))
})

test('digests are equal only when all bytes and the length are', () => {
  assert.ok(equalDigests(sha256('a'), sha256('a')))
  assert.ok(!equalDigests(sha256('a'), sha256('b')))
  assert.ok(!equalDigests(sha256('a'), sha256('a').subarray(1)))
})

test('records and derived keys of the first format stay what they were', () => {
  const former = Buffer.from(
    'AdK9X5B33+Tik6SyYVFRxWG3qBNJlVyjer5CgFPIRnGLJX57guhhz7LE+uSYI9hya9O9I6tI0HXFvJhq',
    'base64',
  )
  assert.deepEqual(keyring.open('test', place, former), secret)
  assert.deepEqual(keyring.open('test', place, keyring.reseal('test', place, former)), secret)
  const cursors = '188eae0751f0f11b8e9f1b03e87b04353635d32a66a5efc768bc3326aee4e64b'
  assert.equal(keyring.derive('cursors').toString('hex'), cursors)
  const mac = '8a8480d61618342289041a7240c1962192ddddb9d436e263335f005f0adf0227'
  assert.equal(keyring.mac('api keys', 'text').toString('hex'), mac)
})

test('a record under another key opens with that one, and no more with the first', () => {
  const [first, second] = [sha256('first'), sha256('second')].map((it) => new SealingKey(it))
  const root = sha256('root')
  const only = (...keys: SealingKey[]) =>
    keyringOver(() => ({
      ...{ root, activeId: keys.at(-1)!.id },
      known: new Map(keys.map((key) => [key.id, key])),
    }))
  const sealed = only(first!).seal('test', place, secret)
  const moved = only(first!, second!).reseal('test', place, sealed)
  assert.deepEqual(only(second!).open('test', place, moved), secret)
  assert.throws(() => only(first!).open('test', place, moved), {
    name: 'SealingKeyMissing',
    message: new RegExp(`The sealing key ${second!.id} is not known here: put back .*kek-`),
  })
  assert.throws(() => only(second!).open('test', place, sealed), UnsealFailed)
  assert.throws(() => only(first!, second!).reseal('test', ['elsewhere'], sealed), UnsealFailed)
})

test('T53: a record does not open as one of another format', () => {
  const sealed = keyring.seal('test', place, secret)
  for (const version of [0, 1, 3, 255]) {
    const other = Buffer.from(sealed)
    other[0] = version
    assert.throws(() => keyring.open('test', place, other), UnsealFailed)
  }
})

test('T53: a record that commits to another data key is refused', () => {
  const [one, two] = ['one', 'two'].map((text) => keyring.seal('test', place, Buffer.from(text)))
  // The data key of the first with the commitment and the text of the second, and the reverse.
  const wrapped = 1 + 8 + 12 + 16 + 32
  const spliced = Buffer.concat([one!.subarray(0, wrapped), two!.subarray(wrapped)])
  assert.throws(() => keyring.open('test', place, spliced), UnsealFailed)
  const swapped = Buffer.concat([one!.subarray(0, wrapped + 32), two!.subarray(wrapped + 32)])
  assert.throws(() => keyring.open('test', place, swapped), UnsealFailed)
})
