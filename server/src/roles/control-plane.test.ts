import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import type { BeatRequest } from '#fleet/index.ts'
import { Refused } from '#kernel/api-client.ts'
import { eventually } from '#kernel/test-support.ts'
import { ControlPlane } from './control-plane.ts'

/** What the control plane does with each request, in this order; from then on it takes what comes. */
const answers: ((response: ServerResponse) => unknown)[] = []
let asked = 0
const server = createServer((_request, response) => {
  asked++
  const answer = answers.shift() ?? ((taken: ServerResponse) => taken.writeHead(204).end())
  answer(response)
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
after(() => server.close())
const { port } = server.address() as AddressInfo

test('a part of a recording is sent until it is taken, however the control plane is away', async () => {
  await using controlPlane = new ControlPlane(`http://127.0.0.1:${port}`)
  answers.push(
    (response) => response.destroy(),
    (response) => response.writeHead(503).end(),
  )
  await controlPlane.keepPart('ses_1', 'manifest.json', Buffer.from('{}'))
  assert.equal(asked, 3)
})

test('one that the control plane does not want is given up at once', async () => {
  await using controlPlane = new ControlPlane(`http://127.0.0.1:${port}`)
  asked = 0
  answers.push((response) => response.writeHead(404).end())
  await assert.rejects(controlPlane.keepPart('ses_1', 'manifest.json', Buffer.from('{}')), Refused)
  assert.equal(asked, 1)
})

test('recordings that are slow to upload hold up no beat', async () => {
  await using controlPlane = new ControlPlane(`http://127.0.0.1:${port}`)
  asked = 0
  let givenUp = 0
  const hang = (response: ServerResponse) => response.once('close', () => givenUp++)
  answers.push(hang, hang, hang, hang)
  for (let n = 0; n < 8; n++) {
    controlPlane.keepPart('ses_1', `frames-00000${n}.bin`, Buffer.from('x')).catch(() => {})
  }
  await eventually('as many as may are under way', () => asked === 4)
  await controlPlane.beat({} as BeatRequest)
  assert.deepEqual([asked, givenUp], [5, 0])
})
