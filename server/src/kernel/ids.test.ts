import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { idPattern, openIds } from './ids.ts'

function idsAt(ms: () => number) {
  return openIds({ now: () => new Date(ms()), monotonicMs: ms })
}

test('ids of later milliseconds sort later as text', () => {
  const time = fc.nat({ max: 2 ** 47 })
  fc.assert(
    fc.property(time, time, (one, other) => {
      const [a, b] = [idsAt(() => one)('ses'), idsAt(() => other)('ses')]
      if (one !== other) assert.equal(a < b, one < other)
    }),
  )
})

test('ids made in one millisecond differ, and each is of its pattern alone', () => {
  const newId = idsAt(() => 1_800_000_000_000)
  const ids = Array.from({ length: 20_000 }, () => newId('ses'))
  assert.equal(new Set(ids).size, ids.length)
  for (const id of ids) assert.match(id, idPattern('ses'))
  for (const wrong of ['tun', 'xses', 'se', '']) assert.doesNotMatch(ids[0]!, idPattern(wrong))
  assert.doesNotMatch(`${ids[0]}0`, idPattern('ses'))
  assert.doesNotMatch(ids[0]!.toUpperCase(), idPattern('ses'))
})
