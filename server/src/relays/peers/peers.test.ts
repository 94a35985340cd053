import assert from 'node:assert/strict'
import { randomBytes, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { eventually } from '#kernel/test-support.ts'
import { Cable } from '#test/cable.ts'
import { RelayClient } from '../relay-client.ts'
import { FrontRelay, LinkedRelay, log, TUNNEL, tokenOf, visitOf } from './fixture.ts'
import { NoLink } from './visit.ts'
import {
  AUDIENCES,
  CALL_PATH,
  encodeVisit,
  PEER_HEADERS,
  STREAM_PATH,
  STREAM_PROTOCOL,
  streamSubject,
} from './wire.ts'

interface Wish {
  method?: string
  path?: string
  headers?: Record<string, string | string[]> | string[]
  body?: Buffer | string
}

async function ask(front: FrontRelay, { method = 'GET', path = '/', headers, body }: Wish = {}) {
  const sent = httpRequest({
    ...{ host: '127.0.0.1', port: front.port, method, path, agent: false },
    ...(headers && { headers: headers as Record<string, string> }),
  })
  sent.end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return { answer, status: answer.statusCode, body: await buffer(answer) }
}

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
  assert.ok(cable.accepted <= 2, `${cable.accepted} connections, of which one may be the pulse’s`)
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

test('a WebSocket is joined with the far one, and a refusal of it is passed on', async () => {
  await using linked = await LinkedRelay.open()
  await using front = await FrontRelay.open(linked)
  const echo = new WebSocketServer({ noServer: true })
  linked.serveSocket = (socket, head, request) =>
    echo.handleUpgrade(request!, socket, head, (open) => {
      open.on('message', (told) => open.send(`heard ${String(told)}`))
    })
  const socket = new WebSocket(`ws://127.0.0.1:${front.port}/live`, 'chat', {
    headers: { host: 'shop.localhost' },
  })
  await once(socket, 'open')
  assert.equal(socket.protocol, 'chat')
  socket.send('milk')
  assert.equal(String((await once(socket, 'message'))[0]), 'heard milk')
  assert.equal(linked.heads[0]!.headers.host, 'shop.localhost')
  const closed = once(socket, 'close')
  socket.close(4001, 'enough')
  assert.equal((await closed)[0], 4001)

  linked.serveSocket = (far) =>
    void far.end('HTTP/1.1 403 No\r\nx-why: closed\r\ncontent-length: 4\r\n\r\nshut')
  const refused = new WebSocket(`ws://127.0.0.1:${front.port}/live`)
  const [, answer] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage]
  assert.deepEqual([answer.statusCode, answer.headers['x-why']], [403, 'closed'])
  assert.equal(await text(answer), 'shut')
  linked.linked.clear()
  const nobody = new WebSocket(`ws://127.0.0.1:${front.port}/live`)
  const [, none] = (await once(nobody, 'unexpected-response')) as [unknown, IncomingMessage]
  assert.equal(none.statusCode, 503)
})

test('bytes of a TCP tunnel pass both ways, and one end may stop while it listens', async () => {
  await using linked = await LinkedRelay.open()
  await using front = await FrontRelay.open(linked)
  linked.serveSocket = async (socket) => {
    const all = await text(socket)
    socket.end(`got ${all}`)
  }
  const { createServer } = await import('node:net')
  const door = createServer({ allowHalfOpen: true }, (socket) => {
    void front.peers.connection(socket, visitOf({ socket } as { socket: Socket }))
  })
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
  const { connect } = await import('node:net')
  const visitor = connect({
    port: (door.address() as { port: number }).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  })
  visitor.end('select 1')
  assert.equal(await text(visitor), 'got select 1')
  assert.equal(linked.visits[0]!.kind, 'peer')
  await new Promise((resolve) => door.close(resolve))
})

test('T62: what a visitor sends under the names of peers is nothing but that', async () => {
  await using linked = await LinkedRelay.open()
  await using front = await FrontRelay.open(linked)
  const visit = {
    ...{ kind: 'peer' as const, tunnelId: 'tun_other', ip: '10.0.0.1' },
    ...{ secure: true, trusted: true },
  }
  const forged = {
    [PEER_HEADERS.visit]: encodeVisit({ visit, as: 'connection' }),
    [PEER_HEADERS.token]: await tokenOf(),
    [PEER_HEADERS.nonce]: 'mine',
  }
  await ask(front, { headers: forged })
  const asStream = new WebSocket(`ws://127.0.0.1:${front.port}${STREAM_PATH}`, { headers: forged })
  asStream.on('error', () => {})
  const raw = front.dial()
  const forgery = Object.entries(forged).map(([name, value]) => `${name}: ${value}\r\n`)
  raw.write(
    `GET ${STREAM_PATH} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${STREAM_PROTOCOL}\r\n${forgery.join('')}\r\n`,
  )
  await eventually('all three have come', () => linked.visits.length === 3)
  for (const seen of linked.visits) {
    assert.equal(seen.tunnelId, TUNNEL)
    assert.ok('ip' in seen && seen.ip === '127.0.0.1' && !seen.trusted)
  }
  // The third one, as an upgrade of a visitor: not as bytes for a TCP tunnel.
  assert.equal(linked.heads.length, 3)
  raw.destroy()
  asStream.terminate()
})

test('T62: who shows no token that counts here and now is served nothing', async () => {
  await using linked = await LinkedRelay.open()
  const visit = visitOf({ socket: { remoteAddress: '1.2.3.4' } as Socket })
  const strangers = generateKeyPairSync('ed25519')
  const peerHeaders = async (wish: Parameters<typeof tokenOf>[0]) => ({
    [PEER_HEADERS.visit]: encodeVisit({ visit, as: 'request' }),
    [PEER_HEADERS.token]: await tokenOf(wish),
  })
  const statusOf = async (path: string, headers: Record<string, string>, method = 'GET') => {
    const sent = httpsRequest(linked.peer.internalUrl + path, {
      ...{ method, headers, rejectUnauthorized: false, agent: false },
    })
    sent.end(method === 'POST' ? '{"name":"logs","input":{}}' : undefined)
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    answer.resume()
    return answer.statusCode
  }
  assert.equal(await statusOf('/', await peerHeaders({})), 200)
  const bad = [
    { privateKey: strangers.privateKey },
    { ageSeconds: 120 },
    { aud: AUDIENCES.stream },
    { aud: 'relay' },
  ]
  for (const wish of bad) assert.equal(await statusOf('/', await peerHeaders(wish)), 401)
  assert.equal(
    await statusOf('/', { [PEER_HEADERS.visit]: encodeVisit({ visit, as: 'request' }) }),
    401,
  )
  assert.equal(await statusOf('/', {}), 404)
  const call = async (sub: string, aud: string) =>
    statusOf(CALL_PATH, { [PEER_HEADERS.token]: await tokenOf({ aud, sub }) }, 'POST')
  assert.equal(await call('rel_other', AUDIENCES.call), 401)
  assert.equal(await call('rel_linked', AUDIENCES.peer), 401)
  assert.equal(linked.visits.length, 1)
})

test('a browser session’s stream leads to its tunnel, and to no other', async () => {
  await using linked = await LinkedRelay.open()
  const open = async (headers: Record<string, string>) => {
    const { port } = new URL(linked.peer.internalUrl)
    const socket = connectTls({ port: Number(port), host: '127.0.0.1', rejectUnauthorized: false })
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(
      `GET ${STREAM_PATH} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: ${STREAM_PROTOCOL}\r\n${lines.join('')}\r\n`,
    )
    const [first] = (await once(socket, 'data')) as [Buffer]
    return { socket, status: Number(first.toString().split(' ')[1]) }
  }
  const sub = streamSubject({ sessionId: 'ses_1', tunnelId: TUNNEL, grantId: 'grt_1' })
  const token = await tokenOf({ aud: AUDIENCES.stream, sub })
  const { socket, status } = await open({ [PEER_HEADERS.token]: token })
  assert.equal(status, 101)
  socket.write('ping')
  assert.equal(String((await once(socket, 'data'))[0]), 'ping')
  assert.deepEqual(linked.visits, [
    { kind: 'session', sessionId: 'ses_1', tunnelId: TUNNEL, grantId: 'grt_1' },
  ])
  const other = streamSubject({ sessionId: 'ses_1', tunnelId: 'tun_other' })
  const refused = await open({
    [PEER_HEADERS.token]: await tokenOf({ aud: AUDIENCES.stream, sub: other }),
  })
  assert.equal(refused.status, 421)
  const asPeer = await open({ [PEER_HEADERS.token]: await tokenOf() })
  assert.equal(asPeer.status, 401)
  for (const one of [socket, refused.socket, asPeer.socket]) one.destroy()
})

test('the control plane asks one relay, and learns what failed there', async () => {
  await using linked = await LinkedRelay.open()
  const about = { peer: linked.peer, log }
  const tokenFor = (sub: string) => tokenOf({ aud: AUDIENCES.call, sub })
  await using client = new RelayClient({ ...about, tokenFor })
  const line = { at: 'now', level: 'info', message: 'up', facts: {} }
  linked.calls.logs = async ({ limit }) => Array.from({ length: limit }, () => line)
  assert.deepEqual(await client.logs({ limit: 2 }), [line, line])
  linked.calls.requests = () => Promise.reject(new Error('the ring is broken'))
  const page = client.requests({ tunnelId: TUNNEL, limit: 1 })
  await assert.rejects(page, /the ring is broken/)
  linked.calls.logs = async () => [{ ...line, message: 'x'.repeat(5_000_000) }]
  await assert.rejects(client.logs({ limit: 1 }), /too long/)
  await using stranger = new RelayClient({ ...about, tokenFor: (sub) => tokenOf({ sub }) })
  await assert.rejects(stranger.logs({ limit: 1 }), /does not accept the token/)
})
