import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { NodeFleet } from '#test/node-fleet.ts'
import { TestClient, type ChannelEvent } from './test-client.ts'

const fleet = await NodeFleet.open()
after(() => fleet[Symbol.asyncDispose]())

const numberOf = ({ data }: ChannelEvent) => Number(/^line (\d+)$/.exec(String(data.text))?.[1])

test('a session of a node in another process is driven and watched, over a break of the way to it and of the way here', async () => {
  const node = await fleet.join()
  const { id } = await fleet.session()
  using client = await TestClient.open(fleet.api.url, fleet.token)
  let last = 0
  client.socket.on('event', (event: ChannelEvent) => (last = event.id))
  client.socket.on('connect', () => void client.watch(id, { kinds: ['console'], after: last }))
  const { result } = await client.watch(id, { kinds: ['console'], after: 0 })
  assert.equal(result.sessionId, id)
  const script = `let n = 0; const t = setInterval(() => { console.log('line ' + n++); if (n === 300) clearInterval(t) }, 20)`
  const started = await client.command(id, 'execute', { script })
  assert.equal(started.problem, undefined)
  const shot = await client.command(id, 'screenshot')
  assert.equal(shot.result.bytes.subarray(1, 4).toString(), 'PNG')

  await client.event('line 10', (event) => numberOf(event) >= 10)
  node.cable.cut()
  await client.event('line 100', (event) => numberOf(event) >= 100)
  await client.cut()
  await client.event('the last line', (event) => numberOf(event) === 299)
  const numbers = client.events.map(numberOf).filter((number) => !Number.isNaN(number))
  assert.deepEqual(
    numbers,
    Array.from({ length: 300 }, (_, number) => number),
  )

  await fleet.call('DELETE', `/sessions/${id}`)
  const end = await client.event('the end', ({ data }) => data.type === 'session.ended')
  assert.equal(end.data.reason, 'asked')
})
