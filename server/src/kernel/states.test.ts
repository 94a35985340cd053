import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineStates } from './states.ts'

const door = defineStates({
  shut: ['open', 'locked'],
  open: ['shut'],
  locked: ['shut'],
  gone: [],
})

test('the moves are those that were defined, from either end', () => {
  assert.deepEqual(door.names, ['shut', 'open', 'locked', 'gone'])
  assert.deepEqual(door.from('shut'), ['open', 'locked'])
  assert.deepEqual(door.from('gone'), [])
  for (const from of door.names) {
    for (const to of door.names) assert.equal(door.allows(from, to), door.from(to).includes(from))
  }
  assert.ok(
    door.allows('shut', 'open') && !door.allows('open', 'locked') && !door.allows('open', 'open'),
  )
})

test('a move to a state that is not there stops the start', () => {
  assert.throws(
    () => defineStates({ shut: ['ajar' as never] }),
    /'ajar' is moved to but not defined/,
  )
})
