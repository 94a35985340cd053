import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { buffer, text } from 'node:stream/consumers'
import { test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { Cable } from '#test/cable.ts'
import { FrontRelay, LinkedRelay, TUNNEL } from './fixture.ts'
import { ask } from './ask-fixture.ts'

test('a visitor is served by the relay that has the link, and finds out nothing of that', async () => {
  await using linked = await LinkedRelay.open()
  await using front = await FrontRelay.open(linked)
  linked.serve = async (request, response) => {
    const body = await text(request)
    response.writeHead(201, 'Made', [
      ...['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Two', 'zwei'],
      ...['Trailer', 'X-Sum', 'Connection', 'x-hop', 'X-Hop', 'no'],
    ])
    response.addTrailers({ 'X-Sum': '42' })
    response.end(`${request.method} ${request.url} ${body}`)
  }
  const headers = [
    ...['Host', 'shop.localhost:8700', 'X-Many', 'one', 'X-Many', 'two'],
    ...['Authorization', 'Basic c2hvcDpvcGVu', 'Cookie', 'c=3', 'Content-Length', '4'],
  ]
  const { answer, body } = await ask(front, {
    ...{ method: 'POST', path: '/cart?q=%20x', headers, body: 'milk' },
  })

  assert.deepEqual([answer.statusCode, answer.statusMessage], [201, 'Made'])
  assert.equal(body.toString(), 'POST /cart?q=%20x milk')
  assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2'])
  assert.equal(answer.headers['x-hop'], undefined)
  assert.equal(answer.trailers['x-sum'], '42')
  const [head] = linked.heads
  assert.equal(head!.headers.host, 'shop.localhost:8700')
  assert.equal(head!.headers['x-many'], 'one, two')
  assert.equal(head!.headers.authorization, 'Basic c2hvcDpvcGVu')
  assert.deepEqual(
    Object.keys(head!.headers).filter((name) => name.startsWith('gantry')),
    [],
  )
  assert.ok(!head!.rawHeaders.some((name) => name.toLowerCase().startsWith('gantry')))
  assert.deepEqual(linked.visits, [
    {
      ...{ kind: 'peer', tunnelId: TUNNEL, ip: '127.0.0.1', secure: false, trusted: false },
      forwardedBy: 'rel_front',
    },
  ])
})

test('connections to a peer are used again, also after bodies both ways', async () => {
  await using linked = await LinkedRelay.open()
  const cable = await Cable.to(() => Number(new URL(linked.peer.internalUrl).port))
  await using _ = cable
  await using front = await FrontRelay.open(linked)
  front.relays = [{ ...linked.peer, internalUrl: `https://127.0.0.1:${cable.port}` }]
  linked.serve = (request, response) => void request.pipe(response)
  for (let round = 0; round < 5; round++) {
    const body = randomBytes(200_000)
    const answered = await ask(front, { method: 'PUT', body })
    assert.ok(answered.body.equals(body))
    assert.equal((await ask(front)).status, 200)
  }
  // Of ten requests: the pulse takes one too, and a visitor may be back before a connection is free.
  assert.ok(cable.accepted < 5, `${cable.accepted} connections`)
})

test('a long body passes both ways at once at the pace of its reader', async () => {
  await using linked = await LinkedRelay.open()
  await using front = await FrontRelay.open(linked)
  let read = 0
  const release = Promise.withResolvers<void>()
  linked.serve = async (request, response) => {
    response.flushHeaders()
    await release.promise
    for await (const chunk of request as AsyncIterable<Buffer>) {
      read += chunk.length
      if (!response.write(chunk)) await once(response, 'drain')
    }
    response.end()
  }
  const sent = httpRequest({ host: '127.0.0.1', port: front.port, method: 'POST', agent: false })
  const body = randomBytes(32 * 1024 * 1024)
  let written = 0
  const writing = (async () => {
    for (; written < body.length; written += 65_536) {
      if (!sent.write(body.subarray(written, written + 65_536))) await once(sent, 'drain')
    }
    sent.end()
  })()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  // Nobody reads the body yet: what is under way is in buffers of sockets, and no more.
  let before = -1
  await eventually('the writer is held up', async () => {
    const isStill = written === before
    before = written
    await new Promise((resolve) => setTimeout(resolve, 100))
    return isStill && written === before
  })
  assert.deepEqual([read, written < 24 * 1024 * 1024], [0, true], `${written} bytes were taken`)
  release.resolve()
  const [back] = await Promise.all([buffer(answer), writing])
  assert.ok(back.equals(body))
})

test('who waits to be told to send a body is told so once it is wanted, and nobody else seems to wait', async () => {
  await using linked = await LinkedRelay.open()
  await using front = await FrontRelay.open(linked)
  linked.serve = async (request, response) => {
    if (request.headers.expect) response.writeContinue()
    response.end(`${request.headers.expect} ${await text(request)}`)
  }
  const { body } = await ask(front, { method: 'POST', body: 'milk' })
  assert.equal(body.toString(), 'undefined milk')
  const sent = httpRequest({
    ...{ host: '127.0.0.1', port: front.port, method: 'POST', agent: false },
    headers: { expect: '100-continue', 'content-length': 4 },
  })
  sent.flushHeaders()
  await once(sent, 'continue')
  sent.end('eggs')
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  assert.equal(await text(answer), '100-continue eggs')
})

test('what a service says early is heard before its visitor has ended', async () => {
  await using linked = await LinkedRelay.open()
  await using front = await FrontRelay.open(linked)
  linked.serve = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: one\n\n')
  }
  const sent = httpRequest({ host: '127.0.0.1', port: front.port, agent: false }).end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const [first] = (await once(answer, 'data')) as [Buffer]
  assert.equal(first.toString(), 'data: one\n\n')
  const gone = once(linked.heads[0]!.socket, 'close')
  sent.destroy()
  await gone
})
