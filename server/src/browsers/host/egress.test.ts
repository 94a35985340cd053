import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { test } from 'node:test'
import { eventually, freePort } from '#kernel/test-support.ts'
import { connectThrough, get, openEgress, openSite, openTcp } from './egress-fixture.ts'

test('plain HTTP passes to an allowed address, and its bytes are counted', async (t) => {
  const site = await openSite(t)
  const egress = await openEgress(t, { allow: [`127.0.0.1:${site.port}`] })

  const reply = await get(egress, `http://127.0.0.1:${site.port}/page`)

  assert.equal(reply.status, 200)
  assert.equal(reply.text, 'hello from /page')
  const { sentBytes, receivedBytes, refused } = egress.traffic
  assert.ok(sentBytes > 50 && receivedBytes > reply.text.length)
  assert.equal(refused, 0)
})

test('a tunnel passes bytes both ways, those sent along with the request too', async (t) => {
  const echo = await openTcp(t, (socket) => socket.pipe(socket))
  const egress = await openEgress(t, { allow: ['127.0.0.1'] })

  const client = connect(egress.port, '127.0.0.1')
  client.end(`CONNECT 127.0.0.1:${echo} HTTP/1.1\r\nHost: 127.0.0.1:${echo}\r\n\r\nping`)

  const answer = Buffer.concat(await client.toArray()).toString()
  assert.equal(answer, 'HTTP/1.1 200 Connection Established\r\n\r\nping')
})

test('a refused page says which host and how it can be allowed', async (t) => {
  const site = await openSite(t)
  const egress = await openEgress(t, { allow: [] })

  const reply = await get(egress, `http://127.0.0.1:${site.port}/`)

  assert.equal(reply.status, 403)
  assert.match(reply.text, /127\.0\.0\.1/)
  assert.match(reply.text, /EGRESS_ALLOW/)
  assert.equal(site.hits, 0)
  assert.equal(egress.traffic.refused, 1)
})

test('a refused tunnel is not opened, and is counted', async (t) => {
  const site = await openSite(t)
  const egress = await openEgress(t, { allow: [] })

  for (const host of ['127.0.0.1', '[::1]', 'localhost', '169.254.169.254', '2130706433']) {
    const { status } = await connectThrough(egress, `${host}:${site.port}`)
    assert.equal(status, 403, host)
  }

  assert.equal(site.hits, 0)
  assert.equal(egress.traffic.refused, 5)
})

test('a name is resolved once, so one that answers differently the second time gets nowhere', async (t) => {
  const victim = await openSite(t)
  const honest = await openSite(t, '127.0.0.2', victim.port)
  const answers = ['127.0.0.2', '127.0.0.1', '127.0.0.2', '127.0.0.1']
  let lookups = 0
  const lookup = async () => [{ address: answers[lookups++]! }]
  const egress = await openEgress(t, { allow: ['127.0.0.2'], lookup })
  const url = `http://rebinding.example:${victim.port}/`

  const first = await get(egress, url)
  const second = await get(egress, url)
  const tunnel = await connectThrough(egress, new URL(url).host)
  const refusedTunnel = await connectThrough(egress, new URL(url).host)
  tunnel.socket.destroy()

  assert.deepEqual([first.status, second.status], [200, 403])
  assert.deepEqual([tunnel.status, refusedTunnel.status], [200, 403])
  assert.equal(lookups, 4)
  assert.equal(honest.hits, 1)
  assert.equal(victim.hits, 0)
  assert.equal(victim.connections, 0)
})

test('what fails to connect is told apart from what is refused', async (t) => {
  const lookup = () => Promise.reject(Object.assign(new Error(), { code: 'ENOTFOUND' }))
  const egress = await openEgress(t, { allow: ['127.0.0.1'], lookup })
  const closedPort = await freePort()

  const unknown = await get(egress, 'http://nowhere.example/')
  const closed = await get(egress, `http://127.0.0.1:${closedPort}/`)
  const closedTunnel = await connectThrough(egress, `127.0.0.1:${closedPort}`)

  assert.equal(unknown.status, 593)
  assert.match(unknown.text, /could not be resolved/)
  assert.equal(closed.status, 594)
  assert.equal(closedTunnel.status, 594)
  assert.equal(egress.traffic.refused, 0)
})

test('reserved ports stay out of reach of loopback that is allowed', async (t) => {
  const site = await openSite(t)
  const isReserved = (port: number) => port === site.port
  const egress = await openEgress(t, { allow: ['127.0.0.0/8'], isReserved })

  assert.equal((await get(egress, `http://127.0.0.1:${site.port}/`)).status, 403)
  assert.equal((await connectThrough(egress, `127.0.0.5:${site.port}`)).status, 403)
  assert.equal(site.hits, 0)
})

test('closing cuts open tunnels at both ends', async (t) => {
  const accepted: Socket[] = []
  const port = await openTcp(t, (socket) => accepted.push(socket))
  const egress = await openEgress(t, { allow: ['127.0.0.1'] })
  const { socket } = await connectThrough(egress, `127.0.0.1:${port}`)
  const cut = once(socket, 'close')

  await egress[Symbol.asyncDispose]()

  await cut
  await eventually('the far end is cut', () => accepted[0]!.readableEnded || accepted[0]!.destroyed)
})
