import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { identity } from './index.ts'

const events = identity(() => {
  throw new Error('this manifest serves nobody')
}).publishes

test('where a request came from is kept apart in every event, so that it can be erased', () => {
  for (const { name, data, personal } of events) {
    assert.ok(data instanceof z.ZodObject, name)
    const tells = ['ipAddress', 'userAgent', 'email'].filter((member) => member in data.shape)
    assert.deepEqual(
      tells.filter((member) => !personal.includes(member)),
      [],
      name,
    )
  }
})

test('every event of a person, a key, a member or an invitation names what it is about', () => {
  const ids = ['userId', 'keyId', 'invitationId', 'passkeyId', 'to']
  for (const { name, data, target } of events) {
    const { shape } = data as z.ZodObject
    if (ids.some((id) => id in shape)) assert.ok(target in shape, `${name}: ${target}`)
  }
})

test('what refuses somebody is announced as refused', () => {
  const refusals = events.filter(({ name }) => /refused|failed|reuse/.test(name))
  assert.ok(refusals.length >= 4)
  for (const { name, result } of refusals) assert.equal(result({} as never), 'refused', name)
})
