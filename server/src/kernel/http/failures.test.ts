import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { toProblem } from './failures.ts'

test('a disk of the database that is full is 503, and says so', () => {
  const error = Object.assign(new pg.DatabaseError('could not extend file', 0, 'error'), {
    code: '53100',
  })
  const { status, code, suggestion, facts } = toProblem(error)
  assert.deepEqual([status, code], [503, 'server.storage_full'])
  assert.match(suggestion!, /operator/)
  assert.ok(facts.retryAfterSeconds)
})
