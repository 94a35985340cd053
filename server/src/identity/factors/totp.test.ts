import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { generateSync } from 'otplib'
import { base32, newSecret, otpauthUri, stepOf } from './totp.ts'

const STEP_MS = 30_000

test('codes are those of RFC 6238, appendix B', () => {
  const secret = Buffer.from('12345678901234567890')
  const vectors: [number, string][] = [
    [59, '287082'],
    [1111111109, '081804'],
    [1111111111, '050471'],
    [1234567890, '005924'],
    [2000000000, '279037'],
    [20000000000, '353130'],
  ]
  for (const [seconds, code] of vectors) {
    assert.equal(stepOf(secret, code, new Date(seconds * 1000)), Math.floor(seconds / 30), code)
  }
})

test('a code of another implementation counts one step around its own, and no further', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
      fc.integer({ min: 10 * STEP_MS, max: 4e12 }),
      fc.integer({ min: -4, max: 4 }),
      (bytes, nowMs, steps) => {
        const secret = Buffer.from(bytes)
        const epoch = (nowMs + steps * STEP_MS) / 1000
        const code = generateSync({ secret: base32(secret), epoch })
        const expected = Math.floor(epoch / 30)
        const step = stepOf(secret, code, new Date(nowMs))
        // One in 300,000 is the code of a nearer step by chance.
        if (Math.abs(steps) <= 1) assert.ok(step !== undefined && Math.abs(step - expected) <= 2)
        else if (step !== undefined) assert.notEqual(step, expected)
      },
    ),
  )
})

test('a secret has 160 bits and goes into an address that apps read', () => {
  const secret = newSecret()
  assert.equal(secret.length, 20)
  assert.equal(base32(Buffer.from('12345678901234567890')), 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ')
  const uri = new URL(otpauthUri(secret, 'Gantry', 'ann+x&y@example.com'))
  assert.equal(decodeURIComponent(uri.pathname), '/Gantry:ann+x&y@example.com')
  assert.deepEqual(Object.fromEntries(uri.searchParams), {
    secret: base32(secret),
    ...{ issuer: 'Gantry', algorithm: 'SHA1', digits: '6', period: '30' },
  })
})
