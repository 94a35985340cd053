import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { eventually, freePort, keptMib } from '@gantry/server/kernel/test-support.ts'
import { makeCertificate } from '@gantry/server/test/certificate.ts'
import type { AgentOptions, OpenTunnel } from './index.ts'
import { serveHttp, serveHttps, serveTcp, startAgent } from './test-agent.ts'
import { TestPlane } from './test-plane.ts'
import { type TestLink, TestRelay, visit } from './test-relay.ts'

interface Chain extends AsyncDisposable {
  link: TestLink
  tunnel: OpenTunnel
  plane: TestPlane
}

async function chain(
  tunnel: AgentOptions['tunnels'][number],
  options: Omit<AgentOptions, 'tunnels'> & { dialMs?: number } = {},
): Promise<Chain> {
  await using stack = new AsyncDisposableStack()
  const relay = stack.use(await TestRelay.start())
  const plane = stack.use(await TestPlane.start([relay]))
  const { dialMs = 10_000, ...rest } = options
  const agent = stack.use(startAgent(plane, { tunnels: [tunnel], ...rest }, { dialMs }))
  const [open] = await agent.open()
  const owned = stack.move()
  return {
    ...{ link: relay.links[0]!, tunnel: open!, plane },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function statusOf(stream: ClientHttp2Stream): Promise<number> {
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders]
  return Number(headers[':status'])
}

test('either side of a TCP connection may end its half alone', async () => {
  await using service = await serveTcp((socket) => {
    void text(socket).then((said) => socket.end(`you said ${said}`))
  })
  await using talker = await serveTcp((socket) => {
    socket.end('welcome')
    void text(socket).then((said) => heard.resolve(said))
  })
  const heard = Promise.withResolvers<string>()
  await using listening = await chain({ kind: 'tcp', target: service.port })
  const asking = listening.link.open(listening.tunnel.id, listening.tunnel.target)
  asking.end('hello')
  assert.equal(await text(asking), 'you said hello')

  await using talking = await chain({ kind: 'tcp', target: talker.port })
  const late = talking.link.open(talking.tunnel.id, talking.tunnel.target)
  assert.equal(await text(late), 'welcome')
  late.end('thanks')
  assert.equal(await heard.promise, 'thanks')
  await eventually('nothing is left', () => service.sockets.size + talker.sockets.size === 0)
})

test('what comes before the service is reached waits for it; what it says before all was read arrives whole', async () => {
  const answer = Buffer.alloc(3_000_000, 'x')
  await using service = await serveHttp((_request, response) => {
    response.writeHead(413, { connection: 'close' }).end(answer)
  })
  await using open = await chain({ kind: 'http', target: service.port })
  const body = Buffer.alloc(64 * 1024)
  const refused = await visit(open.link, open.tunnel, { method: 'POST', body })
  assert.deepEqual([refused.status, refused.body.length], [413, answer.length])
})

test('100 MB pass whole either way', async () => {
  const chunk = Buffer.alloc(1024 * 1024, 'gantry')
  const whole = createHash('sha256')
  for (let at = 0; at < 100; at++) whole.update(chunk)
  const digest = whole.digest('hex')
  await using service = await serveTcp((socket) => {
    const hash = createHash('sha256')
    socket.on('data', (bytes) => hash.update(bytes))
    socket.once('end', () => {
      socket.write(hash.digest('hex'))
      Readable.from(Array.from({ length: 100 }, () => chunk)).pipe(socket)
    })
  })
  await using open = await chain({ kind: 'tcp', target: service.port })
  const stream = open.link.open(open.tunnel.id, open.tunnel.target)
  await pipeline(Readable.from(Array.from({ length: 100 }, () => chunk)), stream, { end: true })
  const back = createHash('sha256')
  let head = ''
  await pipeline(
    stream,
    new Writable({
      write(bytes: Buffer, _encoding, done) {
        const rest = bytes.subarray(64 - head.length)
        if (head.length < 64) head += bytes.subarray(0, 64 - head.length).toString()
        else back.update(bytes)
        if (head.length === 64 && rest !== bytes && rest.length < bytes.length) back.update(rest)
        done()
      },
    }),
  )
  assert.deepEqual([head, back.digest('hex')], [digest, digest])
})

test('T62: an address that the agent was not told to serve is refused, whatever a relay asks for', async () => {
  await using service = await serveHttp((_request, response) => response.end('shop'))
  await using secret = await serveHttp((_request, response) => response.end('secret'))
  const allow = [`127.0.0.1:${service.port}`]
  await using open = await chain({ kind: 'http', target: service.port, allow })
  const { link, tunnel } = open
  const dial = async (id: string, authority: string) => {
    const stream = link.open(id, `http://${authority}`, authority)
    const status = await statusOf(stream)
    stream.close(8)
    return status
  }
  for (const authority of [
    ...[`localhost:${secret.port}`, `127.0.0.1:${secret.port}`, '169.254.169.254:80'],
    ...[`[::1]:${service.port}`, `127.0.0.2:${service.port}`, 'localhost'],
  ]) {
    assert.equal(await dial(tunnel.id, authority), 403, authority)
  }
  assert.equal(await dial('tun_other', `localhost:${service.port}`), 403)
  assert.equal(await dial(tunnel.id, `LOCALHOST:${service.port}`), 200)
  assert.equal(await dial(tunnel.id, `127.0.0.1:${service.port}`), 200, 'what --allow names')
  assert.equal(secret.sockets.size, 0)
})

test('a service that refuses, that says nothing and that breaks off are told apart', async () => {
  const port = await freePort()
  await using refusing = await chain({ kind: 'http', target: port })
  const refused = refusing.link.open(refusing.tunnel.id, refusing.tunnel.target)
  const [headers] = (await once(refused, 'response')) as [IncomingHttpHeaders]
  assert.equal(headers[':status'], 502)
  assert.match(headers['gantry-reason'] as string, /ECONNREFUSED/)

  // Nobody accepts, and the backlog is full: the next one hangs.
  await using mute = await chain({ kind: 'http', target: '192.0.2.1:80' }, { dialMs: 50 })
  const silent = await statusOf(mute.link.open(mute.tunnel.id, mute.tunnel.target))
  assert.ok(silent === 504 || silent === 502, String(silent))

  await using breaking = await serveTcp((socket) =>
    socket.once('data', () => socket.resetAndDestroy()),
  )
  await using broken = await chain({ kind: 'tcp', target: breaking.port })
  const stream = broken.link.open(broken.tunnel.id, broken.tunnel.target)
  stream.write('x')
  await eventually('the stream is closed', () => stream.closed)
  assert.notEqual(stream.rstCode, 0)
})

test('a service that speaks TLS is spoken to in TLS; a certificate that nobody signed needs to be allowed', async () => {
  const certificate = await makeCertificate(['localhost'])
  await using service = await serveHttps(certificate, (_request, response) => response.end('safe'))
  const target = `https://localhost:${service.port}`
  await using strict = await chain({ kind: 'http', target })
  assert.equal(await statusOf(strict.link.open(strict.tunnel.id, target)), 502)
  await using lax = await chain({ kind: 'http', target }, { insecure: true })
  const { status, body } = await visit(lax.link, lax.tunnel)
  assert.deepEqual([status, String(body)], [200, 'safe'])
})

test('a visitor who has gone ends the connection to the service, and a service that has gone the stream', async () => {
  await using service = await serveTcp((socket) => {
    socket.write('hello')
    socket.resume().once('end', () => socket.end())
  })
  await using open = await chain({ kind: 'tcp', target: service.port })
  const stream = open.link.open(open.tunnel.id, open.tunnel.target)
  await once(stream, 'data')
  stream.close(8)
  await eventually('the service is let go', () => service.sockets.size === 0)
  const next = open.link.open(open.tunnel.id, open.tunnel.target)
  await once(next, 'data')
  for (const socket of service.sockets) socket.destroy()
  next.resume()
  next.end()
  await once(next, 'close')
})

test('40 visitors who do not read, and 40 services that do not, take no more memory than their windows, and the others are served', async () => {
  await using endless = await serveTcp((socket) => {
    const more = () => {
      while (socket.writable && socket.write(Buffer.alloc(65_536)));
    }
    socket.on('drain', more)
    more()
  })
  await using deaf = await serveTcp((socket) => socket.pause())
  await using quick = await serveHttp((_request, response) => response.end('quick'))
  const port = (at: { port: number }) => `localhost:${at.port}`
  await using open = await chain({
    kind: 'http',
    target: quick.port,
    allow: [port(endless), port(deaf)],
  })
  const { link, tunnel } = open
  const before = keptMib()
  const stalled: ClientHttp2Stream[] = []
  for (let at = 0; at < 40; at++) {
    const reader = link.open(tunnel.id, '', port(endless))
    await once(reader, 'response')
    reader.pause()
    const writer = link.open(tunnel.id, '', port(deaf))
    await once(writer, 'response')
    while (writer.write(Buffer.alloc(262_144)) && writer.writableLength < 4_000_000);
    stalled.push(reader, writer)
  }
  for (let at = 0; at < 200; at++) assert.equal((await visit(link, tunnel)).status, 200)
  const kept = keptMib() - before
  assert.ok(kept < 150, `${kept.toFixed(0)} MiB more are kept, both ends of the link together`)
  for (const stream of stalled) stream.close(8)
})
