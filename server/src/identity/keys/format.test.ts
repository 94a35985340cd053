import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isWhole, keyIn, makeKey, modes, shownPart } from './format.ts'

const CHARACTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

test('a key tells its mode, is whole, and no two are alike', () => {
  for (const mode of modes) {
    const keys = Array.from({ length: 200 }, () => makeKey(mode))
    assert.equal(new Set(keys).size, keys.length)
    for (const key of keys) {
      assert.match(key, new RegExp(`^gk_${mode}_[0-9A-Za-z]{49}$`))
      assert.ok(isWhole(key), key)
      assert.equal(shownPart(key).length, 12)
    }
  }
})

test('every character of the alphabet comes up about as often as any other', () => {
  const counts = new Map<string, number>()
  for (let key = 0; key < 2_000; key++) {
    for (const character of makeKey('live').slice(8, -6)) {
      counts.set(character, (counts.get(character) ?? 0) + 1)
    }
  }
  const expected = (2_000 * 43) / 62
  assert.equal(counts.size, 62)
  // Seven standard deviations: one run in many billions fails by chance.
  for (const [character, count] of counts) {
    assert.ok(Math.abs(count - expected) < 7 * Math.sqrt(expected), `${character}: ${count}`)
  }
})

test('a key with one character wrong, two swapped, some missing or some more is not whole', () => {
  const key = makeKey('live')
  const place = fc.integer({ min: 8, max: key.length - 1 })
  fc.assert(
    fc.property(place, fc.constantFrom(...CHARACTERS), (at, character) => {
      const typed = key.slice(0, at) + character + key.slice(at + 1)
      assert.equal(isWhole(typed), typed === key)
    }),
  )
  fc.assert(
    fc.property(place, (at) => {
      const typed = [...key]
      ;[typed[at - 1], typed[at]] = [typed[at]!, typed[at - 1]!]
      const text = typed.join('')
      assert.equal(isWhole(text), text === key)
      assert.equal(isWhole(key.slice(0, at)), false)
      assert.equal(isWhole(key + key.slice(at)), false)
    }),
  )
  for (const text of ['', 'gk_live_', key.replace('live', 'test'), ` ${key}`, `${key}\n`]) {
    assert.equal(isWhole(text), false, JSON.stringify(text))
  }
})

test('only a bearer token that begins like a key is taken for one', () => {
  const key = makeKey('test')
  assert.equal(keyIn(`Bearer ${key}`), key)
  assert.equal(keyIn(`bearer  ${key}`), key)
  assert.equal(keyIn('Bearer gk_'), 'gk_')
  for (const header of [undefined, key, `Basic ${key}`, 'Bearer eyJhbGciOi', `Bearer x${key}`]) {
    assert.equal(keyIn(header), undefined, header)
  }
})
