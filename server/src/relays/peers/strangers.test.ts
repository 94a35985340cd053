import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { eventually } from '#kernel/test-support.ts'
import { FrontRelay, LinkedRelay, TUNNEL, tokenOf, visitOf } from './fixture.ts'
import {
  AUDIENCES,
  CALL_PATH,
  encodeVisit,
  PEER_HEADERS,
  STREAM_PATH,
  STREAM_PROTOCOL,
} from './wire.ts'
import { ask } from './ask-fixture.ts'

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
