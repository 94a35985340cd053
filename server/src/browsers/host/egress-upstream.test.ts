import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type TestContext, after, test } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import pino from 'pino'
import { eventually, freePort } from '#kernel/test-support.ts'
import {
  connectThrough,
  get,
  listen,
  openEgress,
  openSite,
  openTcp,
  readAll,
  readBytes,
} from './egress-fixture.ts'
import {
  CERTIFICATE,
  type TestUpstream,
  openHttpUpstream,
  openSocksUpstream,
} from './egress-fixture-upstreams.ts'

const trusted = getCACertificates('default')
setDefaultCACertificates([...trusted, CERTIFICATE])
after(() => setDefaultCACertificates(trusted))

const kinds: Record<string, (t: TestContext) => Promise<TestUpstream>> = {
  'an HTTP': (t) => openHttpUpstream(t),
  'an HTTPS': (t) => openHttpUpstream(t, { secure: true }),
  'a SOCKS5': (t) => openSocksUpstream(t),
  'a SOCKS5 (socks5h)': (t) => openSocksUpstream(t, 'socks5h'),
}

/** Names that are known here: the upstream, and a site that is public as far as anybody can tell. */
const NAMES: Record<string, string> = {
  'proxy.example': '127.0.0.1',
  'other.example': '127.0.0.1',
  'site.example': '93.184.216.34',
  'inside.example': '10.1.2.3',
}

function lookup(name: string) {
  const address = NAMES[name]
  if (address) return Promise.resolve([{ address }])
  return Promise.reject(Object.assign(new Error(), { code: 'ENOTFOUND' }))
}

function openWith(t: TestContext, upstream: string, more: object = {}) {
  const options = { allow: ['127.0.0.1', 'proxy.example', 'other.example'], lookup }
  return openEgress(t, { ...options, rules: { upstream }, ...more })
}

for (const [kind, open] of Object.entries(kinds)) {
  test(`${kind} upstream is told names and carries pages and tunnels, and every byte is counted`, async (t) => {
    const site = await openSite(t)
    const echo = await openTcp(t, (socket) => socket.pipe(socket))
    const upstream = await open(t)
    const egress = await openWith(t, upstream.url)

    const page = await get(egress, `http://site.example:${site.port}/page?q=1`)
    const { socket, status } = await connectThrough(egress, `unknown-here.example:${echo}`)
    const payload = 'x'.repeat(300_000)
    socket.write(payload)
    const echoed = await readBytes(socket, payload.length)
    socket.destroy()

    assert.equal(page.text, 'hello from /page?q=1')
    assert.equal(site.last!.headers.host, `site.example:${site.port}`)
    assert.equal(site.last!.headers['proxy-authorization'], undefined)
    assert.equal(status, 200)
    assert.ok(echoed === payload)
    assert.deepEqual(upstream.asked, [`site.example:${site.port}`, `unknown-here.example:${echo}`])
    await eventually('all is closed', () => egress.connections.size === 0)
    const { sentBytes, receivedBytes } = egress.traffic
    const tunnelled = 'HTTP/1.1 200 Connection Established\r\n\r\n'.length + payload.length
    assert.equal(receivedBytes - tunnelled, pageBytes(page))
    assert.ok(sentBytes > payload.length && sentBytes < payload.length + 1_000)
  })

  test(`${kind} upstream that refuses its credentials is named as the cause, and its password nowhere`, async (t) => {
    const site = await openSite(t)
    const upstream = await open(t)
    const lines: string[] = []
    const log = pino({ level: 'trace' }, { write: (line) => void lines.push(line) })
    const url = upstream.url.replace(/:[^:]*@/, ':wrong-secret@')
    const egress = await openWith(t, url, { log })

    const page = await get(egress, `http://site.example:${site.port}/`)
    const tunnel = await connectThrough(egress, `site.example:${site.port}`)

    assert.deepEqual([page.status, tunnel.status], [597, 597])
    assert.match(page.text, /proxy refused its credentials/)
    assert.equal(tunnel.headers['proxy-authenticate'], undefined)
    assert.equal(egress.troubleWith('site.example', site.port)!.reason, 'upstream_credentials')
    assert.equal(site.connections, 0)
    assert.match(lines.join(''), /upstream_credentials/)
    assert.doesNotMatch(lines.join(''), /wrong-secret/)
    assert.equal(egress.traffic.refused, 0)
  })

  test(`nothing goes past ${kind} upstream that is gone`, async (t) => {
    const site = await openSite(t)
    const { url, port } = await open(t)
    const gone = url.replace(`:${port}`, `:${await freePort()}`)
    const egress = await openWith(t, gone)

    const page = await get(egress, `http://127.0.0.1:${site.port}/`)
    const tunnel = await connectThrough(egress, `127.0.0.1:${site.port}`)

    assert.deepEqual([page.status, tunnel.status], [591, 591])
    assert.match(page.text, /proxy could not be reached/)
    assert.equal(site.connections, 0)
  })

  test(`${kind} upstream that accepts and says nothing is given up`, async (t) => {
    const silent = await openTcp(t, (socket) => socket.resume())
    const { url, port } = await open(t)
    const stuck = url.replace(`:${port}`, `:${silent}`)
    const egress = await openWith(t, stuck, { dialDeadlineMs: 300 })

    const tunnel = await connectThrough(egress, 'site.example:443')

    assert.equal(tunnel.status, 589)
    assert.equal(egress.troubleWith('site.example', 443)!.reason, 'upstream_timeout')
  })

  test(`through ${kind} upstream a private destination is refused, by address and by name`, async (t) => {
    const upstream = await open(t)
    const egress = await openWith(t, upstream.url, {
      allow: [`127.0.0.1:${upstream.port}`, 'proxy.example'],
    })

    for (const host of [
      '10.0.0.1',
      '[::1]',
      'inside.example',
      'localhost',
      'metadata.google.internal',
      '169.254.169.254',
    ]) {
      const { status } = await connectThrough(egress, `${host}:80`)
      assert.equal(status, 403, host)
    }
    assert.deepEqual(upstream.asked, [])
  })
}

test('a far end that speaks first is heard, even in one packet with the answer of the upstream', async (t) => {
  const greeter = await openTcp(t, (socket) => socket.end('220 welcome'))
  for (const open of Object.values(kinds)) {
    const egress = await openWith(t, (await open(t)).url)
    const { socket } = await connectThrough(egress, `site.example:${greeter}`)
    socket.end()
    assert.equal(await readAll(socket), '220 welcome')
  }
})

test('plain pages go to an HTTP upstream as whole URLs, without a tunnel', async (t) => {
  const site = await openSite(t)
  const upstream = await openHttpUpstream(t)
  const egress = await openWith(t, upstream.url)

  await get(egress, `http://site.example:${site.port}/`)

  assert.equal(upstream.plain, 1)
})

test('a certificate that is not trusted, or is for another name, ends it', async (t) => {
  const { port, url } = await openHttpUpstream(t, { secure: true })
  const otherName = await openWith(t, url.replace('proxy.example', 'other.example'))
  const tunnel = await connectThrough(otherName, 'site.example:443')
  setDefaultCACertificates(trusted)
  t.after(() => setDefaultCACertificates([...trusted, CERTIFICATE]))
  const notTrusted = await openWith(t, `https://u:p@proxy.example:${port}`)
  const page = await get(notTrusted, 'http://site.example/')

  assert.equal(tunnel.status, 592)
  assert.equal(page.status, 592)
  assert.match(page.text, /not secure \(DEPTH_ZERO_SELF_SIGNED_CERT\)/)
})

test('an upstream at an address that is not public is not dialled', async (t) => {
  const upstream = await openHttpUpstream(t)
  const isReserved = (port: number) => port === upstream.port
  for (const options of [{ allow: [] }, { allow: ['127.0.0.1'], isReserved }]) {
    const egress = await openWith(t, upstream.url, options)
    const page = await get(egress, 'http://site.example/')
    assert.equal(page.status, 588)
    assert.match(page.text, /proxy is not at a public address/)
  }
})

test('an upstream that opens no connection is quoted', async (t) => {
  const server = createServer()
  server.on('connect', (_request, socket) => socket.end('HTTP/1.1 503 Busy\r\n\r\n'))
  const http = await openWith(t, `http://127.0.0.1:${await listen(t, server)}`)
  const socks = await openWith(t, (await openSocksUpstream(t)).url)
  const closed = await freePort()

  const answers = [
    await connectThrough(http, 'site.example:443'),
    await connectThrough(socks, `site.example:${closed}`),
  ]

  assert.deepEqual(
    answers.map(({ status }) => status),
    [590, 590],
  )
  assert.match(http.troubleWith('site.example', 443)!.explanation, /it answered 503/)
  assert.match(socks.troubleWith('site.example', closed)!.explanation, /answered ConnectionRefused/)
})

test('an upstream that speaks another protocol is told apart', async (t) => {
  const gibberish = await openTcp(t, (socket) => socket.end('SSH-2.0-OpenSSH\r\n'))
  for (const [scheme, status] of Object.entries({ http: 591, https: 592, socks5: 591 })) {
    const host = scheme === 'https' ? 'proxy.example' : '127.0.0.1'
    const egress = await openWith(t, `${scheme}://${host}:${gibberish}`)
    assert.equal((await connectThrough(egress, 'site.example:443')).status, status, scheme)
  }
})

test('where ranges are denied, the upstream is told the address that was judged', async (t) => {
  const site = await openSite(t)
  for (const open of [openHttpUpstream, openSocksUpstream]) {
    const upstream = await open(t)
    const rules = { upstream: upstream.url, deny: ['203.0.113.0/24'] }
    const egress = await openWith(t, '', { rules })
    const known = await get(egress, `http://other.example:${site.port}/`)
    const unknown = await get(egress, `http://unknown-here.example:${site.port}/`)

    assert.equal(known.text, 'hello from /')
    assert.equal(site.last!.headers.host, `other.example:${site.port}`)
    assert.equal(unknown.status, 593)
    assert.deepEqual(upstream.asked, [`127.0.0.1:${site.port}`])
  }
})

test('another upstream, or none, cuts what goes by the old one', async (t) => {
  const echo = await openTcp(t, (socket) => socket.pipe(socket))
  const upstream = await openHttpUpstream(t)
  const egress = await openWith(t, upstream.url)
  const { socket } = await connectThrough(egress, `127.0.0.1:${echo}`)
  egress.admit({ upstream: upstream.url })
  socket.write('still here')
  await once(socket, 'data')
  const closed = once(socket, 'close')

  egress.admit({})

  await closed
})

/** As they went over the wire. */
function pageBytes({ text, headers }: Awaited<ReturnType<typeof get>>): number {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}\r\n`)
  return `HTTP/1.1 200 OK\r\n${lines.join('')}\r\n${text}`.length
}
