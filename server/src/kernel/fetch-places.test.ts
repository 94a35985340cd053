import assert from 'node:assert/strict'
import { createServer as createTlsServer } from 'node:https'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls'
import { DestinationRefused } from './addresses.ts'
import { openGuardedFetch } from './fetch.ts'
import { client, listen, web, failure } from './fetch-fixture.ts'

test('a private address is refused before any socket opens, however it is written', async (t) => {
  const server = await web(t, (_request, response) => response.end())
  const { call, refused } = client(t, { 'inside.example': ['127.0.0.1'] }, [])
  const hosts = ['127.0.0.1', '2130706433', '0x7f.1', '127.1', '[::1]', '[::ffff:127.0.0.1]']
  for (const host of [...hosts, 'localhost', 'inside.example']) {
    await assert.rejects(call(`http://${host}:${server.port}/`), DestinationRefused, host)
  }
  assert.equal(server.connections(), 0)
  assert.deepEqual(refused.at(-1), { host: `inside.example:${server.port}` })
})

test('a name that changes its answer is resolved once for a connection and judged again for the next', async (t) => {
  const inside = await web(t, (_request, response) => response.end('inside'))
  const good = await web(
    t,
    (_request, response) => response.setHeader('connection', 'close').end('good'),
    '127.0.0.2',
    inside.port,
  )
  const { call, lookups } = client(t, { 'rebind.example': ['127.0.0.2', '127.0.0.1'] }, [
    '127.0.0.2',
  ])
  const url = `http://rebind.example:${good.port}/`

  assert.equal((await call(url)).text(), 'good')
  assert.equal(lookups.length, 1)
  await assert.rejects(call(url), DestinationRefused)
  assert.equal(lookups.length, 2)
  assert.equal(inside.connections(), 0)
})

test('where a socket has arrived is looked at before anything is sent', async (t) => {
  const server = await web(t, (_request, response) => response.end())
  // A guard that takes a literal address for another: the socket then goes where nobody has looked.
  const guard = { resolve: async () => [{ address: '127.0.0.2', family: 4 as const }] }
  await using guarded = openGuardedFetch({ guard, allowHttp: true })
  await assert.rejects(guarded.fetch(`http://127.0.0.1:${server.port}/`), DestinationRefused)
  assert.deepEqual(server.hits, [])
})

test('a redirect is an answer: the place it names is never visited', async (t) => {
  const inside = await web(t, (_request, response) => response.end())
  const places = [`http://127.0.0.1:${inside.port}/`, 'file:///etc/passwd', 'gopher://x/']
  const server = await web(
    t,
    ({ url }, response) => {
      const [, status, place] = url?.split('/') ?? []
      response.writeHead(Number(status), { location: places[Number(place)] }).end()
    },
    '127.0.0.2',
  )
  const { call } = client(t, {}, ['127.0.0.2'])
  for (const status of [301, 302, 303, 307, 308]) {
    for (const place of places.keys()) {
      const reply = await call(`http://127.0.0.2:${server.port}/${status}/${place}`, {
        headers: { authorization: 'Bearer secret' },
      })
      assert.equal(reply.status, status)
      assert.equal(reply.headers['location'], places[place])
    }
  }
  assert.equal(inside.connections(), 0)
})

test('only the host that the URL parser finds is visited, and a user name is refused', async (t) => {
  const inside = await web(t, (_request, response) => response.end())
  const { port } = inside
  const good = await web(t, (_request, response) => response.end(), '127.0.0.2', port)
  const { call } = client(t, { 'good.example': ['127.0.0.2'] }, ['127.0.0.2'])
  for (const url of [
    `http://good.example@127.0.0.1:${port}/`,
    `http://127.0.0.1:${port}\\@good.example/`,
    `http://user:secret@good.example:${port}/`,
  ]) {
    await assert.rejects(call(url), DestinationRefused, url)
  }
  await call(`http://good.example:${port}#@127.0.0.1`)
  assert.equal(inside.connections(), 0)
  assert.deepEqual(good.hits, [`GET good.example:${port}/`])
})

test('other schemes and the ports of other services are refused', async (t) => {
  const { call, lookups } = client(t, { 'good.example': ['127.0.0.1'] })
  for (const url of ['file:///etc/passwd', 'ftp://good.example/', 'data:,x', 'unix:/run/x.sock']) {
    await assert.rejects(call(url), DestinationRefused, url)
  }
  for (const port of [0, 22, 25, 110, 993]) {
    await assert.rejects(call(`https://good.example:${port}/`), DestinationRefused, String(port))
  }
  await assert.rejects(call('not a url'), failure('protocol', 'ERR_INVALID_URL'))
  assert.deepEqual(lookups, [])
})

test('over TLS the certificate must bear the name, although the address is pinned', async (t) => {
  const { key, certificate } = identity()
  setDefaultCACertificates([...getCACertificates('default'), certificate])
  const asked: unknown[] = []
  const server = createTlsServer({ key, cert: certificate }, (request, response) => {
    asked.push((request.socket as TLSSocket).servername)
    response.end('safe')
  })
  const { port } = await listen(t, server)
  const names = { 'good.example': ['127.0.0.1'], 'other.example': ['127.0.0.1'] }
  const { call } = client(t, names, ['127.0.0.1'], false)

  assert.equal((await call(`https://good.example:${port}/`)).text(), 'safe')
  assert.deepEqual(asked, ['good.example'])
  await assert.rejects(
    call(`https://other.example:${port}/`),
    failure('connection', 'ERR_TLS_CERT_ALTNAME_INVALID'),
  )
  await assert.rejects(call(`http://good.example:${port}/`), DestinationRefused)
})

test('a proxy named in the environment is not used', async (t) => {
  const proxy = await web(t, (_request, response) => response.end('proxied'))
  const server = await web(t, (_request, response) => response.end('direct'))
  const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'] as const
  for (const name of names) {
    const before = process.env[name]
    t.after(() => (before === undefined ? delete process.env[name] : (process.env[name] = before)))
    process.env[name] = name.endsWith('USE_ENV_PROXY') ? '1' : `http://127.0.0.1:${proxy.port}`
  }
  const { call } = client(t)
  assert.equal((await call(`http://127.0.0.1:${server.port}/`)).text(), 'direct')
  assert.equal(proxy.connections(), 0)
})

/** A certificate for `good.example` that vouches for itself until 2120. */
function identity() {
  const key = createPrivateKey({
    key: Buffer.from(
      'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgNp384SpOzDlTLz1L43PoZUZhAtfmAcAm9wPglRIGpnKhRANCAARU' +
        'kNog0ogR0GX1UdHzHr19hHKGUPcD8eUpA+Gffb8zLIZrDzmXjuSy3zgRNyJzwhXC+DwqhKyNZlwbjmI4ZKpw',
      'base64',
    ),
    format: 'der',
    type: 'pkcs8',
  })
  const certificate = new X509Certificate(
    Buffer.from(
      'MIIBWTCCAQCgAwIBAgIBATAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDAR0ZXN0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAw' +
        'MDAwWjAPMQ0wCwYDVQQDDAR0ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVJDaINKIEdBl9VHR8x69fYRyhlD3A/Hl' +
        'KQPhn32/MyyGaw85l47kst84ETcic8IVwvg8KoSsjWZcG45iOGSqcKNLMEkwFwYDVR0RBBAwDoIMZ29vZC5leGFtcGxlMA8G' +
        'A1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFEMkIzox9R3RsVU/lHyd8wZATVtlMAoGCCqGSM49BAMCA0cAMEQCIG++lb3IzXbZ' +
        'y/jIpgCq86/BhCrYqI7j4zekyGq5c4s3AiBLm9f7l0Docqqjfm2QbtqoD/NziXm200zyO1z0DSud/A==',
      'base64',
    ),
  ).toString()
  return { key: key.export({ format: 'pem', type: 'pkcs8' }), certificate }
}
