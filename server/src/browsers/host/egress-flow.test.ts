import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { type Socket, connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import {
  connectThrough,
  get,
  listen,
  openEgress,
  openSite,
  openTcp,
  readAll,
} from './egress-fixture.ts'

const LOCAL = { allow: ['127.0.0.1'] }
const CHUNK = Buffer.alloc(64 * 1024, 'x')

test('a client that has said all is still answered, and so is a far end', async (t) => {
  const answering = await openTcp(t, async (socket) => {
    const said = await readAll(socket)
    socket.end(`you said ${said}`)
  })
  const hearing = await openTcp(t, async (socket) => {
    socket.end('bye')
    heard.resolve(await readAll(socket))
  })
  const heard = Promise.withResolvers<string>()
  const egress = await openEgress(t, LOCAL)

  const first = (await connectThrough(egress, `127.0.0.1:${answering}`)).socket
  first.end('hello')
  assert.equal(await readAll(first), 'you said hello')

  // A client that leaves its side open when the far end has closed the other.
  const second = connect({ port: egress.port, host: '127.0.0.1', allowHalfOpen: true })
  second.write(`CONNECT 127.0.0.1:${hearing} HTTP/1.1\r\n\r\n`)
  assert.match(await readAll(second), /bye$/)
  second.end('late words')
  assert.equal(await heard.promise, 'late words')
  await eventually('both are closed', () => egress.connections.size === 0)
})

test('a tunnel carries as much as the slower side takes, and keeps little of it', async (t) => {
  const far = Promise.withResolvers<Socket>()
  const port = await openTcp(t, (socket) => far.resolve(socket))
  const egress = await openEgress(t, LOCAL)
  const { socket } = await connectThrough(egress, `127.0.0.1:${port}`)
  const target = await far.promise

  for (const [writer, reader] of [
    [socket, target],
    [target, socket],
  ] as const) {
    let written = 0
    // Nobody reads: the writer comes to a stop once the buffers of the kernel are full.
    while (writer.write(CHUNK) || (await drains(writer))) written += CHUNK.length
    const before = heldBytes(egress.connections.values())
    assert.ok(before < 1024 * 1024, `${before} bytes are held`)
    let read = 0
    reader.on('data', (chunk: Buffer) => (read += chunk.length))
    await eventually('all has come', () => read >= written)
    reader.removeAllListeners('data').pause()
  }
})

test('an upload and a download of plain HTTP wait for the slower side too', async (t) => {
  const total = 48 * 1024 * 1024
  const server = createServer(async (incoming, reply) => {
    let uploaded = 0
    for await (const chunk of incoming) uploaded += (chunk as Buffer).length
    reply.writeHead(200, { 'x-uploaded': uploaded })
    for (let sent = 0; sent < total; sent += CHUNK.length) {
      if (!reply.write(CHUNK)) await once(reply, 'drain')
    }
    reply.end()
  })
  const port = await listen(t, server)
  const egress = await openEgress(t, LOCAL)
  const asked = request({
    ...{ port: egress.port, host: '127.0.0.1', method: 'POST', agent: false },
    path: `http://127.0.0.1:${port}/`,
  })
  for (let sent = 0; sent < total; sent += CHUNK.length) {
    if (!asked.write(CHUNK)) await once(asked, 'drain')
  }
  asked.end()
  const [reply] = await once(asked, 'response')
  assert.equal(reply.headers['x-uploaded'], String(total))

  let most = 0
  let read = 0
  for await (const chunk of reply) {
    read += chunk.length
    most = Math.max(most, heldBytes(egress.connections.values()))
  }
  assert.equal(read, total)
  assert.ok(most < 1024 * 1024, `${most} bytes were held`)
  const { sentBytes, receivedBytes } = egress.traffic
  assert.ok(sentBytes > total && receivedBytes > total)
})

test('more than 512 connections at once are not taken, and later ones are', async (t) => {
  const site = await openSite(t)
  const egress = await openEgress(t, LOCAL)
  const flood = Array.from({ length: 600 }, () => {
    const socket = connect(egress.port, '127.0.0.1').on('error', () => {})
    socket.write('GET http://slow')
    return socket
  })
  await eventually('88 are cut', () => flood.filter(({ closed }) => closed).length === 88)
  assert.equal(egress.connections.size, 512)

  for (const socket of flood) socket.destroy()
  await eventually('all are closed', () => egress.connections.size === 0)
  assert.equal((await get(egress, `http://127.0.0.1:${site.port}/`)).status, 200)
})

test('a destination that does not take the connection is given up', async (t) => {
  const port = await openDeaf(t)
  const egress = await openEgress(t, { ...LOCAL, dialDeadlineMs: 300 })
  const tunnel = await connectThrough(egress, `127.0.0.1:${port}`)
  const page = await get(egress, `http://127.0.0.1:${port}/`)
  assert.deepEqual([tunnel.status, page.status], [598, 598])
  assert.match(page.text, /did not take the connection in time/)
})

test('a client that leaves while its page is dialled leaves nothing behind', async (t) => {
  const upstream: Socket[] = []
  const port = await openTcp(t, (socket) => upstream.push(socket.resume()))
  const rules = { upstream: `socks5://127.0.0.1:${port}` }
  const egress = await openEgress(t, { ...LOCAL, rules, dialDeadlineMs: 60_000 })
  const client = connect(egress.port, '127.0.0.1').on('error', () => {})
  client.write('GET http://127.0.0.1:443/ HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually('the upstream is asked', () => upstream.length === 1)

  client.destroy()

  await eventually('the upstream is left', () => upstream[0]!.readableEnded)
  await eventually('the client is forgotten', () => egress.connections.size === 0)
  assert.equal(egress.troubleWith('127.0.0.1', 443), undefined)
})

test('closing leaves nothing open, at whatever point it is', async (t) => {
  const far: Socket[] = []
  const silent = await openTcp(t, (socket) => far.push(socket.resume()))
  const rules = { upstream: `socks5://127.0.0.1:${silent}` }
  const direct = await openEgress(t, LOCAL)
  const chained = await openEgress(t, { ...LOCAL, rules })
  const opened = connectThrough(direct, `127.0.0.1:${silent}`)
  const waiting = request({
    port: direct.port,
    host: '127.0.0.1',
    path: `http://127.0.0.1:${silent}/`,
  })
  const dialling = request({
    port: chained.port,
    host: '127.0.0.1',
    method: 'CONNECT',
    path: 'x.example:1',
  })
  for (const asked of [waiting, dialling]) asked.on('error', () => {}).end()
  await opened
  await eventually('all three are under way', () => far.length === 3)

  await Promise.all([direct[Symbol.asyncDispose](), chained[Symbol.asyncDispose]()])

  await eventually('all are closed', () =>
    far.every(({ readableEnded, destroyed }) => readableEnded || destroyed),
  )
  assert.equal(direct.connections.size + chained.connections.size, 0)
})

test('an answer that breaks off is not passed on as a whole one', async (t) => {
  const port = await openTcp(t, (socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'))
  })
  const egress = await openEgress(t, LOCAL)
  await assert.rejects(get(egress, `http://127.0.0.1:${port}/`), { code: 'ECONNRESET' })
})

test('an answer of two lengths has one after the gateway, and no headers of the connection', async (t) => {
  const port = await openTcp(t, (socket) => {
    socket.once('data', () =>
      socket.end(
        'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nX-Kept: 1\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      ),
    )
  })
  const egress = await openEgress(t, LOCAL)
  const { text, headers } = await get(egress, `http://127.0.0.1:${port}/`)
  assert.equal(text, 'hello')
  assert.equal(headers['content-length'], undefined)
  assert.deepEqual([headers['x-kept'], headers['x-hop']], ['1', undefined])
})

test('a request reaches its host under its own name, whatever its Host header says', async (t) => {
  const site = await openSite(t)
  const egress = await openEgress(t, LOCAL)
  const headers = { host: 'internal.example', 'proxy-authorization': 'Basic eDp5', 'x-mine': '1' }
  const path = `http://127.0.0.1:${site.port}/`
  const asked = request({ port: egress.port, host: '127.0.0.1', path, headers, agent: false }).end()
  const [reply] = await once(asked, 'response')
  reply.resume()

  const hosts = site.last!.rawHeaders.filter((_, index, all) =>
    /^host$/i.test(all[index - 1] ?? ''),
  )
  assert.deepEqual(hosts, [`127.0.0.1:${site.port}`])
  assert.equal(site.last!.headers['x-mine'], '1')
  assert.equal(site.last!.headers['proxy-authorization'], undefined)
})

test('requests and answers with many cookies pass', async (t) => {
  const cookie = 'c'.repeat(100_000)
  const asked = Promise.withResolvers<string>()
  const port = await openTcp(t, (socket) => {
    let said = ''
    socket.on('data', (chunk) => {
      said += String(chunk)
      if (!said.endsWith('\r\n\r\n')) return
      asked.resolve(said)
      socket.end(`HTTP/1.1 200 OK\r\nSet-Cookie: ${cookie}\r\nContent-Length: 0\r\n\r\n`)
    })
  })
  const egress = await openEgress(t, LOCAL)
  const sent = request({
    ...{ port: egress.port, host: '127.0.0.1', agent: false, maxHeaderSize: 200_000 },
    ...{ path: `http://127.0.0.1:${port}/`, headers: { cookie } },
  }).end()
  const [reply] = await once(sent, 'response')
  reply.resume()
  assert.ok((await asked.promise).includes(cookie))
  assert.deepEqual(reply.headers['set-cookie'], [cookie])
})

for (const line of [
  'GET / HTTP/1.1',
  'GET https://127.0.0.1/ HTTP/1.1',
  'CONNECT 127.0.0.1 HTTP/1.1',
  'CONNECT http://x/ HTTP/1.1',
  'CONNECT %00:80 HTTP/1.1',
  'CONNECT 127.0.0.1:99999 HTTP/1.1',
]) {
  test(`${line} is answered with an error, and the gateway goes on`, async (t) => {
    const site = await openSite(t)
    const egress = await openEgress(t, LOCAL)
    const client = connect(egress.port, '127.0.0.1')
    client.write(`${line}\r\nHost: x\r\n\r\n`)
    assert.match(await readAll(client), /^HTTP\/1\.1 (400|403) /)
    assert.equal((await get(egress, `http://127.0.0.1:${site.port}/`)).status, 200)
  })
}

/** A port whose process takes no connection, and has no room for more to wait. */
async function openDeaf(t: TestContext): Promise<number> {
  const script = `const server = require('node:net').createServer()
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      require('node:fs').writeSync(1, String(server.address().port))
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const port = Number(await once(child.stdout, 'data'))
  for (let waiting = 0; waiting < 4; waiting++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    t.after(() => socket.destroy())
  }
  return port
}

/** Whether there is room again within a quarter of a second. */
async function drains(writer: Socket): Promise<boolean> {
  const signal = AbortSignal.timeout(250)
  return once(writer, 'drain', { signal }).then(
    () => true,
    () => false,
  )
}

function heldBytes(sockets: Iterable<Socket>): number {
  return [...sockets].reduce((sum, one) => sum + one.writableLength + one.readableLength, 0)
}
