import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { request } from 'undici'
import { WebSocket, WebSocketServer } from 'ws'
import { systemClock } from '#kernel/clock.ts'
import { eventually } from '#kernel/test-support.ts'
import { serve, startAgent, startRelay, TestControl } from '../fixture.ts'
import { letPeersIn, log, tokenOf } from './fixture.ts'
import { Peers } from './peers.ts'
import type { Forward } from './visit.ts'

/** A relay with links, which other relays may hand visitors to. */
async function openLinked(id: string, control: TestControl, forward?: Forward) {
  const relay = await startRelay(control, { id, ...(forward && { forward }) })
  const door = await letPeersIn(id, relay.relay.side)
  return {
    ...{ relay, peer: door.peer },
    async [Symbol.asyncDispose]() {
      await door[Symbol.asyncDispose]()
      await relay[Symbol.asyncDispose]()
    },
  }
}

/** A relay that no agent is linked to. */
async function openFront(control: TestControl) {
  const peers = new Peers({ relayId: 'rel_front', control, clock: systemClock, log })
  peers.apply({ peers: control.peers, peerToken: await tokenOf() })
  const relay = await startRelay(control, { id: 'rel_front', forward: peers })
  return {
    relay,
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]()
      await peers[Symbol.asyncDispose]()
    },
  }
}

const heads: IncomingMessage[] = []
const server = createServer(async (head, answer) => {
  heads.push(head)
  if (head.url === '/held') return
  answer.end(`${head.method} ${await text(head)}`)
})
const echo = new WebSocketServer({ server })
echo.on('connection', (socket) => socket.on('message', (told) => socket.send(String(told))))

test('whichever relay a visitor comes to, the one with the link serves, limits and counts it', async () => {
  await using service = await serve(server)
  const control = new TestControl()
  await using linked = await openLinked('rel_linked', control)
  control.peers = [linked.peer]
  await using front = await openFront(control)
  const spec = control.add('shop', [service.port])
  await using _ = await startAgent(linked.relay, [spec])
  const ask = (options: Parameters<typeof request>[1] = {}, path = '/') =>
    request(front.relay.url + path, {
      ...options,
      headers: { host: 'shop.localhost', 'x-forwarded-for': '6.6.6.6' },
    })

  const got = await ask({ method: 'POST', body: 'milk' })
  assert.deepEqual([got.statusCode, await got.body.text()], [200, 'POST milk'])
  const head = heads.at(-1)!
  assert.equal(head.headers['x-forwarded-for'], '127.0.0.1')
  assert.equal(head.headers.host, 'shop.localhost')
  assert.equal(head.headers.expect, undefined)
  assert.ok(!Object.keys(head.headers).some((name) => name.startsWith('gantry-peer')))
  const seen = await eventually('it was written down', async () => {
    const { requests } = await linked.relay.relay.calls.requests({ tunnelId: spec.id, limit: 1 })
    return requests[0]
  })
  assert.deepEqual([seen.forwardedBy, seen.visitor], ['rel_front', '127.0.0.1'])
  assert.equal(front.relay.relay.facts.requests, 0)

  const socket = new WebSocket(`ws://127.0.0.1:${front.relay.port}/`, {
    headers: { host: 'shop.localhost' },
  })
  await once(socket, 'open')
  socket.send('eggs')
  assert.equal(String((await once(socket, 'message'))[0]), 'eggs')
  control.change(spec.id, { config: { maxConnections: 1 } })
  await eventually('the limit holds for those who come to the other relay', async () => {
    const { statusCode, body } = await ask()
    await body.dump()
    return statusCode === 429
  })
  socket.close()
  await once(socket, 'close')
  control.change(spec.id, { access: { policy: 'addresses', addresses: ['10.0.0.0/8'] } })
  await eventually('so does the access policy', async () => {
    const { statusCode, body } = await ask()
    await body.dump()
    return statusCode === 403
  })
})

test('a relay that dies costs no request that may be asked again, and two that point at each other are no loop', async () => {
  await using service = await serve(server)
  const control = new TestControl()
  const dying = await openLinked('rel_dying', control)
  await using staying = await openLinked('rel_staying', control)
  control.peers = [dying.peer, staying.peer]
  await using front = await openFront(control)
  const spec = control.add('twice', [service.port])
  const ticket = control.hold([spec.id])
  await using _one = await startAgent(dying.relay, [spec], { ticket })
  await using _two = await startAgent(staying.relay, [spec], { ticket })
  const ask = async () => {
    const { statusCode, body } = await request(front.relay.url, {
      headers: { host: 'twice.localhost' },
    })
    await body.dump()
    return statusCode
  }
  const statuses: number[] = []
  for (let round = 0; round < 100; round++) {
    if (round === 50) await dying[Symbol.asyncDispose]()
    statuses.push(await ask())
  }
  assert.deepEqual([...new Set(statuses)], [200])

  // The books name a relay that has no link, and it would name the first: nobody hands on what was handed over.
  let handedOn = 0
  const handOn = async () => (handedOn++, false)
  const forward = { request: handOn, upgrade: handOn, connection: handOn }
  await using lonely = await openLinked('rel_lonely', control, forward)
  control.peers = [lonely.peer]
  control.add('nowhere', [service.port])
  const { statusCode, body } = await request(front.relay.url, {
    headers: { host: 'nowhere.localhost' },
  })
  await body.dump()
  assert.deepEqual([statusCode, handedOn], [503, 0])
})
