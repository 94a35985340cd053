import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashScrypt, verifyScrypt } from './scrypt.ts'

const CHEAP = { n: 16, r: 1, p: 1 }

test('a password matches its own hash alone, however its letters are composed', async () => {
  const stored = await hashScrypt('caf\u00e9 au lait', CHEAP)
  assert.notEqual(stored, await hashScrypt('caf\u00e9 au lait', CHEAP))
  assert.equal(await verifyScrypt('cafe\u0301 au lait', stored), true)
  for (const wrong of ['cafe au lait', 'caf\u00e9 au lait ', '']) {
    assert.equal(await verifyScrypt(wrong, stored), false)
  }
})

test('nothing matches a hash that cannot be read, or costs more than a process may spend', async () => {
  const stored = await hashScrypt('open sesame', CHEAP)
  const salt = stored.split('$')[4]!
  const huge = `scrypt$4194304$8$1$${salt}$${'A'.repeat(43)}`
  for (const bad of ['', 'open sesame', `${stored}x`, stored.replace('scrypt', 'plain'), huge]) {
    assert.equal(await verifyScrypt('open sesame', bad).catch(() => false), false)
  }
})

test('what is set without a cost has the cost of today', async () => {
  assert.match(await hashScrypt('open sesame'), /^scrypt\$32768\$8\$3\$[\w-]{22}\$[\w-]{43}$/)
})
