import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { Problem } from '../problem.ts'
import { Cursors, cutPage } from './cursor.ts'

const cursors = new Cursors(randomBytes(32))
const place = fc.record(
  {
    time: fc
      .tuple(
        fc.date({ min: new Date(0), max: new Date('9999-01-01'), noInvalidDate: true }),
        fc.nat(999),
      )
      .map(([at, micros]) => at.toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`)),
    id: fc.stringMatching(/^[a-z]{2,3}_[0-9a-z]{26}$/),
  },
  { noNullPrototype: true },
)

function refused(list: string, cursor: string, by = cursors) {
  assert.throws(
    () => by.read(list, cursor),
    (error) =>
      error instanceof Problem && error.code === 'request.bad_cursor' && error.status === 400,
    cursor,
  )
}

test('a cursor leads back to its place, and no cursor to the beginning', () => {
  fc.assert(
    fc.property(place, (at) => assert.deepEqual(cursors.read('a', cursors.write('a', at)), at)),
  )
  assert.equal(cursors.read('a', undefined), undefined)
})

test('a cursor that is cut, lengthened or changed in one character is refused', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.= %!'
  fc.assert(
    fc.property(place, fc.nat(), fc.constantFrom(...alphabet), (at, n, char) => {
      const cursor = cursors.write('a', at)
      const where = n % cursor.length
      refused('a', cursor.slice(0, where))
      refused('a', cursor.slice(0, where) + char + cursor.slice(where))
      if (cursor[where] !== char)
        refused('a', cursor.slice(0, where) + char + cursor.slice(where + 1))
    }),
  )
})

test('a cursor of another list or another installation, and no cursor at all, are refused', () => {
  fc.assert(
    fc.property(place, fc.string({ unit: 'binary' }), (at, text) => {
      const cursor = cursors.write('a', at)
      refused('b', cursor)
      refused('a', cursor, new Cursors(randomBytes(32)))
      refused('a', text)
    }),
  )
})

test('a place that is not of the form of a time and an id is refused, although we signed it', () => {
  for (const [time, id] of [
    ['2026-11-20T12:00:00.000Z', 'ses_1'],
    ["2026-11-20T12:00:00.000000Z' or 1=1", 'ses_1'],
    ['2026-11-20T12:00:00.000000Z', "x';--"],
  ] as const) {
    refused('a', cursors.write('a', { time, id }))
  }
})

test('a page is cut where the limit is, and the last one leads nowhere', () => {
  assert.deepEqual(cutPage([1, 2, 3], 2, String), { rows: [1, 2], nextCursor: '2' })
  assert.deepEqual(cutPage([1, 2], 2, String), { rows: [1, 2], nextCursor: null })
})
