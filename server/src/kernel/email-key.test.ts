import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { emailKey } from './email-key.ts'

test('spellings of one address have one key', () => {
  const same: [string, string][] = [
    ['Ann.Lovelace@Example.COM', 'ann.lovelace@example.com'],
    ['ann@bücher.example', 'ann@xn--bcher-kva.example'],
    ['ANN@BÜCHER.example', 'ann@xn--bcher-kva.example'],
    ['Rene\u0301@example.com', 'ren\u00e9@example.com'],
    ['\u212Aate@example.com', 'kate@example.com'],
    ['ann@example\u3002com', 'ann@example.com'],
  ]
  for (const [spelling, key] of same) assert.equal(emailKey(spelling), key, spelling)
})

test('other addresses keep other keys', () => {
  const others = [
    'ann@example.com',
    'ann+1@example.com',
    'a.nn@example.com',
    'ann@mail.example.com',
  ]
  assert.equal(new Set(others.map(emailKey)).size, others.length)
})

test('what is no address has no key', () => {
  const wrong = [
    '',
    'ann',
    '@example.com',
    'ann@',
    '-ann@example.com',
    'ann@localhost',
    'ann@127.0.0.1',
    'ann@[127.0.0.1]',
    'ann@0x7f.1',
    'ann@example..com',
    'ann@-example.com',
    'ann@exam_ple.com',
    'ann@example.com.',
    'ann @example.com',
    ' ann@example.com',
    'ann@example.com\n',
    'ann\u0000@example.com',
    'ann\u200b@example.com',
    'ann@exam ple.com',
    'ann@ex%61mple.com',
    'ann@exam\u00adple.com',
    'ann@example.com\t',
    'a@b@example.com',
    '"ann"@example.com',
    '.ann@example.com',
    'ann.@example.com',
    'a..n@example.com',
    'ann<x>@example.com',
    '\ud800@example.com',
    `${'a'.repeat(65)}@example.com`,
    `ann@${'a'.repeat(64)}.com`,
    `ann@${'a.'.repeat(130)}com`,
  ]
  for (const text of wrong) assert.equal(emailKey(text), undefined, JSON.stringify(text))
})

test('a key is its own key', () => {
  fc.assert(
    fc.property(fc.oneof(fc.emailAddress(), fc.string({ unit: 'binary' })), (text) => {
      const key = emailKey(text)
      if (key !== undefined) assert.equal(emailKey(key), key)
    }),
    { numRuns: 300 },
  )
})
