import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as agents from '../../../sdk/src/tunnels/link-protocol.ts'
import * as relays from './link-protocol.ts'

test('agents and relays speak the same protocol', () => {
  assert.deepEqual({ ...agents }, { ...relays })
})

test('what one side says, the other understands', () => {
  // Of interest to the type checker alone: either way round, a message of one side is one of the other.
  const message = undefined as unknown as relays.RelayMessage
  const heard: agents.RelayMessage | undefined = message
  const said = undefined as unknown as agents.AgentMessage
  const taken: relays.AgentMessage | undefined = said
  assert.deepEqual([heard, taken], [undefined, undefined])
})
