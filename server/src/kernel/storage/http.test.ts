import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { systemClock as clock } from '../clock.ts'
import { temporaryPath } from '../test-support.ts'
import { objectHandler } from './http.ts'
import { openLocalStore } from './local.ts'

const signingKey = randomBytes(32)
let url = ''
const root = temporaryPath()
const store = await openLocalStore({ root, publicUrl: () => url, signingKey, clock })
const server = createServer(objectHandler({ store, signingKey, clock }, { silenceMs: 500 }))
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
url = `http://127.0.0.1:${port}`
after(async () => {
  server.closeAllConnections()
  server.close()
  await store[Symbol.asyncDispose]()
})

const putUrl = (key: string, maxBytes = 1_000) =>
  store.signedUrl(key, { method: 'PUT', expiresInSeconds: 60, maxBytes })

/** Sends a head and a body as it is told to, and answers with all that comes back. */
async function upload(target: string, length: number, body: (Buffer | string)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const { pathname, search } = new URL(target)
  socket.write(`PUT ${pathname}${search} HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`)
  const said = text(socket)
  for (const part of body) socket.write(part)
  return said
}

test('what was put by a signed URL is got by one', async () => {
  const put = await fetch(await putUrl('a'), { method: 'PUT', body: 'hello' })
  assert.equal(put.status, 200)
  const get = await fetch(await store.signedUrl('a', { method: 'GET', expiresInSeconds: 60 }))
  assert.equal(await get.text(), 'hello')
})

test('whoever sends more than is allowed reads why, although all of it is already on its way', async () => {
  const megabyte = Buffer.alloc(1024 * 1024)
  for (const target of [await putUrl('large'), `${url}/objects/forged?signature=x`]) {
    const said = await upload(
      target,
      16 * megabyte.length,
      Array.from({ length: 16 }, () => megabyte),
    )
    assert.match(said, target.includes('forged') ? /^HTTP\/1\.1 403 / : /^HTTP\/1\.1 413 /)
    assert.match(said, /"title":"[^"]+","status":4\d\d\}$/)
    assert.match(said, /connection: close/i)
  }
  assert.equal(await store.head('large'), undefined)
})

test('an upload that falls silent is told so, cut off, and leaves nothing', async () => {
  const startedMs = performance.now()
  const said = await upload(await putUrl('silent'), 100, ['only this'])
  assert.match(said, /^HTTP\/1\.1 408 Request Timeout/)
  assert.ok(performance.now() - startedMs < 20_000)
  assert.equal(await store.head('silent'), undefined)
})

test('what is not there and what is asked in the wrong way is refused', async () => {
  const get = (key: string) => store.signedUrl(key, { method: 'GET', expiresInSeconds: 60 })
  assert.equal((await fetch(await get('nothing'))).status, 404)
  assert.equal((await fetch(await get('a'), { method: 'DELETE' })).status, 403)
  const refused = await fetch(`${await get('a')}x`)
  assert.equal(refused.status, 403)
  assert.match(refused.headers.get('content-type')!, /^application\/problem\+json/)
})
