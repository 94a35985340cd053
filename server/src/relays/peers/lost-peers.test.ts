import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { Cable } from '#test/cable.ts'
import { FrontRelay, LinkedRelay, TUNNEL } from './fixture.ts'
import { NoLink } from './visit.ts'
import { PEER_HEADERS } from './wire.ts'
import { ask } from './ask-fixture.ts'

test('a relay that has lost its link is passed over, body and all, and the control plane is asked anew', async () => {
  await using old = await LinkedRelay.open('rel_old')
  await using linked = await LinkedRelay.open('rel_new')
  await using front = await FrontRelay.open(old)
  linked.serve = async (request, response) => void response.end(`${await text(request)} at new`)
  assert.equal((await ask(front)).body.toString(), 'rel_old')
  assert.equal(front.asked, 1)

  front.relays = [linked.peer]
  old.linked.clear()
  const first = await ask(front, { method: 'POST', body: 'milk' })
  assert.equal(first.body.toString(), 'milk at new')
  assert.equal(front.asked, 2)
  old.linked.add(TUNNEL)
  // It finds out only once the request is with it.
  old.serve = () => {
    throw new NoLink(TUNNEL)
  }
  front.relays = [old.peer, linked.peer]
  for (let round = 0; round < 4; round++) {
    const { body } = await ask(front, { method: 'POST', body: 'eggs' })
    assert.equal(body.toString(), 'eggs at new')
  }
  linked.linked.clear()
  assert.equal((await ask(front, { method: 'POST', body: 'x' })).status, 503)
})

test('a service that answers 421 is heard like any other', async () => {
  await using linked = await LinkedRelay.open()
  await using front = await FrontRelay.open(linked)
  linked.serve = (_request, response) => {
    response.writeHead(421, { [PEER_HEADERS.nonce]: 'guessed' }).end('misdirected')
  }
  const { status, body } = await ask(front)
  assert.deepEqual([status, body.toString()], [421, 'misdirected'])
})

test('nothing goes to a relay with another certificate, and another one is asked', async () => {
  await using linked = await LinkedRelay.open('rel_right')
  await using wrong = await LinkedRelay.open('rel_wrong')
  await using front = await FrontRelay.open(linked)
  const { fingerprint } = linked.peer
  front.relays = [{ ...wrong.peer, fingerprint }, linked.peer]
  for (let round = 0; round < 3; round++) {
    const { body } = await ask(front, { method: 'POST', body: 'x' })
    assert.equal(body.toString(), 'rel_right')
  }
  assert.deepEqual(wrong.visits, [])
  front.relays = [{ ...wrong.peer, fingerprint }]
  linked.linked.clear()
  assert.equal((await ask(front)).status, 503)
})

test('a relay that dies before it answers costs a request only when it may have been done', async () => {
  await using linked = await LinkedRelay.open('rel_alive')
  await using dying = await LinkedRelay.open('rel_dying')
  await using front = await FrontRelay.open(dying)
  dying.serve = async (request, response) => {
    await text(request)
    response.socket!.destroy()
  }
  linked.serve = (request, response) => {
    request.resume()
    response.end('rel_alive')
  }
  assert.equal((await ask(front)).status, 503)
  assert.equal((await ask(front, { method: 'POST', body: 'pay' })).status, 502)
  assert.equal((await ask(front, { method: 'POST' })).status, 502)
  front.relays = [dying.peer, linked.peer]
  assert.equal((await ask(front)).body.toString(), 'rel_alive')
  const seen = () => [...dying.heads, ...linked.heads].filter(({ method }) => method === 'POST')
  const before = seen().length
  const statuses: unknown[] = []
  for (let round = 0; round < 6; round++) {
    statuses.push((await ask(front, { method: 'POST', body: 'pay' })).status)
  }
  assert.equal(seen().length - before, 6, 'each was given to one relay only')
  assert.deepEqual([...new Set(statuses)].toSorted(), [200, 502])
})

test('a visitor who leaves before the answer is asked for nowhere else', async () => {
  await using one = await LinkedRelay.open('rel_one')
  await using two = await LinkedRelay.open('rel_two')
  await using front = await FrontRelay.open(one, two)
  for (const relay of [one, two]) relay.serve = () => {}
  const sent = httpRequest({ host: '127.0.0.1', port: front.port, agent: false }).end()
  sent.on('error', () => {})
  await eventually('one has it', () => one.heads.length + two.heads.length === 1)
  const [head] = [...one.heads, ...two.heads]
  const gone = once(head!.socket, 'close')
  sent.destroy()
  await gone
  // Whatever would come next has come by the time that another visitor is served.
  for (const relay of [one, two]) relay.serve = (_request, response) => void response.end()
  await ask(front)
  assert.equal(one.heads.length + two.heads.length, 2)
  assert.deepEqual(front.failures, [])
})

test('a relay that breaks off within its answer breaks the answer off', async () => {
  await using linked = await LinkedRelay.open()
  await using front = await FrontRelay.open(linked)
  linked.serve = (_request, response) => {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('half', () => response.socket!.destroy())
  }
  await assert.rejects(ask(front), { code: 'ECONNRESET' })
})

test('a network that swallows packets ends what is under way', async () => {
  await using linked = await LinkedRelay.open()
  await using cable = await Cable.to(() => Number(new URL(linked.peer.internalUrl).port))
  await using front = await FrontRelay.open(linked)
  front.relays = [{ ...linked.peer, internalUrl: `https://127.0.0.1:${cable.port}` }]
  linked.serve = (_request, response) => void response.write('first')
  const sent = httpRequest({ host: '127.0.0.1', port: front.port, agent: false }).end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  await once(answer, 'data')
  cable.swallow('there', 'back')
  await assert.rejects(text(answer))
})
