import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { RelayClient } from '../relay-client.ts'
import { FrontRelay, LinkedRelay, log, TUNNEL, tokenOf, visitOf } from './fixture.ts'
import { AUDIENCES, PEER_HEADERS, STREAM_PATH, STREAM_PROTOCOL, streamSubject } from './wire.ts'

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
    void front.peers.connection(socket, visitOf({ socket }))
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
