import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { eventually } from '../test-support.ts'
import { attachment } from './disposition.ts'
import { SignedUrlRefused } from './errors.ts'
import { openLocalStore } from './local.ts'
import { serveSigned } from './serve.ts'
import { signUrl, verifySignedUrl } from './signed-url.ts'

const KEY = Buffer.alloc(32, 7)
const TEXT = { contentType: 'text/html', maxBytes: 1000 }

/** A local store behind a real HTTP server, with a clock that stands until it is moved. */
async function serve(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'store-'))
  const time = { ms: Math.floor(Date.now() / 1000) * 1000 }
  const clock = { now: () => new Date(time.ms), monotonicMs: () => 0 }
  const address = { url: '' }
  const store = await openLocalStore({
    root,
    publicUrl: () => `${address.url}/base/`,
    signingKey: KEY,
    clock,
  })
  const server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request
    try {
      const asked = { method, url, headers, body: request }
      const reply = await serveSigned({ store, signingKey: KEY, clock }, asked)
      response.writeHead(reply.status, reply.headers)
      if (reply.stream) await pipeline(reply.stream, response)
      else response.end()
    } catch (error) {
      request.resume()
      response.writeHead(400).end((error as Error).name)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  address.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await store[Symbol.asyncDispose]()
    await rm(root, { recursive: true })
  })
  return { store, time, root }
}

test('a signed URL downloads its object as an attachment that cannot run as a page', async (t) => {
  const { store } = await serve(t)
  const { sha256 } = await store.put('acc/page.html', Buffer.from('<script>'), TEXT)
  const url = await store.signedUrl('acc/page.html', {
    method: 'GET',
    expiresInSeconds: 60,
    downloadName: 'Übersicht "1".html',
  })
  const reply = await fetch(url)
  assert.equal(reply.status, 200)
  assert.equal(await reply.text(), '<script>')
  const shown = Object.fromEntries(reply.headers)
  assert.equal(shown['content-type'], 'text/html')
  assert.equal(shown['content-length'], '8')
  assert.equal(shown['etag'], `"${sha256}"`)
  assert.equal(shown['x-content-type-options'], 'nosniff')
  assert.match(shown['content-security-policy'] ?? '', /sandbox/)
  assert.equal(
    shown['content-disposition'],
    `attachment; filename="_bersicht _1_.html"; filename*=UTF-8''%C3%9Cbersicht%20%221%22.html`,
  )
  const head = await fetch(url, { method: 'HEAD' })
  assert.deepEqual(
    [head.status, head.headers.get('content-length'), await head.text()],
    [200, '8', ''],
  )
})

test('ranges are answered in part, outside of the object with 416, and odd ones with the whole', async (t) => {
  const { store } = await serve(t)
  const { sha256 } = await store.put('x', Buffer.from('0123456789'), TEXT)
  const url = await store.signedUrl('x', { method: 'GET', expiresInSeconds: 60 })
  const cases: [string, number, string, string | null][] = [
    ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
    ['bytes=3-5', 206, '345', 'bytes 3-5/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=8-99', 206, '89', 'bytes 8-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-99', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=-0', 416, '', 'bytes */10'],
    ['bytes=5-3', 200, '0123456789', null],
    ['bytes=0-1,3-4', 200, '0123456789', null],
    ['bytes=-', 200, '0123456789', null],
    ['lines=0-1', 200, '0123456789', null],
  ]
  for (const [range, status, body, shown] of cases) {
    const reply = await fetch(url, { headers: { range } })
    const got = [reply.status, await reply.text(), reply.headers.get('content-range')]
    assert.deepEqual(got, [status, body, shown], range)
  }
  const conditional = async (tag: string) =>
    (await fetch(url, { headers: { range: 'bytes=0-0', 'if-range': tag } })).status
  assert.equal(await conditional(`"${sha256}"`), 206)
  assert.equal(await conditional('"another version"'), 200)
})

test('a signed URL uploads its object, of the type and up to the size that it grants', async (t) => {
  const { store, root } = await serve(t)
  const options = {
    method: 'PUT',
    expiresInSeconds: 60,
    contentType: 'image/png',
    maxBytes: 10,
  } as const
  const url = await store.signedUrl('up/load', options)
  const put = (body: string | ReadableStream, type = 'image/png') =>
    fetch(url, {
      method: 'PUT',
      body,
      headers: { 'content-type': type },
      duplex: 'half',
    } as RequestInit)
  const chunks = (...texts: string[]) => Readable.toWeb(Readable.from(texts)) as ReadableStream

  const etag = `"${createHash('sha256').update('0123456789').digest('hex')}"`
  assert.equal((await put('0123456789')).headers.get('etag'), etag)
  assert.equal((await put(chunks('chun', 'ked'))).status, 200)
  for (const body of ['0123456789x', chunks('0123456789', 'x')]) {
    const reply = await put(body)
    assert.deepEqual([reply.status, await reply.text()], [400, 'ObjectTooLarge'])
  }
  assert.equal(await (await put('x', 'text/html')).text(), 'SignedUrlRefused')

  const { stream, contentType } = await store.get('up/load')
  assert.deepEqual([await text(stream), contentType], ['chunked', 'image/png'])
  assert.deepEqual(await readdir(join(root, 'temp')), [])
})

test('an upload that is too large hears so while it is still being sent', async (t) => {
  const { store } = await serve(t)
  const url = await store.signedUrl('x', { method: 'PUT', expiresInSeconds: 60, maxBytes: 10 })
  const upload = httpRequest(url, { method: 'PUT' })
  upload.on('error', () => {})
  const timer = setInterval(() => upload.write('x'.repeat(65_536)), 1)
  t.after(() => clearInterval(timer))
  const [reply] = (await once(upload, 'response')) as [IncomingMessage]
  assert.deepEqual([reply.statusCode, await text(reply)], [400, 'ObjectTooLarge'])
  upload.destroy()

  const declared = httpRequest(url, { method: 'PUT', headers: { 'content-length': 11 } })
  declared.on('error', () => {}).flushHeaders()
  const [early] = (await once(declared, 'response')) as [IncomingMessage]
  assert.equal(await text(early), 'ObjectTooLarge', 'before a byte of it is sent')
  declared.destroy()
})

test('an upload that breaks off leaves nothing', async (t) => {
  const { store, root } = await serve(t)
  const url = await store.signedUrl('broken', { method: 'PUT', expiresInSeconds: 60 })
  const upload = httpRequest(url, { method: 'PUT', headers: { 'content-length': 1000 } })
  upload.on('error', () => {})
  upload.write('only this')
  await eventually('it is under way', async () => (await readdir(join(root, 'temp'))).length === 1)
  upload.destroy()
  await eventually('nothing is left', async () => (await readdir(join(root, 'temp'))).length === 0)
  assert.equal(await store.head('broken'), undefined)
})

test('a silent upload ends with the signal of its request', async (t) => {
  const { store, root } = await serve(t)
  const clock = { now: () => new Date(), monotonicMs: () => 0 }
  const url = await store.signedUrl('silent', { method: 'PUT', expiresInSeconds: 60 })
  const abort = new AbortController()
  const outcome = Promise.withResolvers<unknown>()
  const server = createServer((request) => {
    const { method = '', headers } = request
    const asked = { method, url, headers, body: request, signal: abort.signal }
    serveSigned({ store, signingKey: KEY, clock }, asked).catch(outcome.resolve)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const upload = httpRequest({
    host: '127.0.0.1',
    port,
    method: 'PUT',
    headers: { 'content-length': 9 },
  })
  upload.on('error', () => {}).write('x')
  t.after(() => {
    upload.destroy()
    server.close()
  })
  await eventually('it is under way', async () => (await readdir(join(root, 'temp'))).length === 1)
  const reason = new Error('too slow')
  abort.abort(reason)
  assert.equal(await outcome.promise, reason)
  assert.deepEqual(await readdir(join(root, 'temp')), [])
})

test('a signed URL is good for its method and its time only', async (t) => {
  const { store, time } = await serve(t)
  await store.put('x', Buffer.from('x'), TEXT)
  const get = await store.signedUrl('x', { method: 'GET', expiresInSeconds: 60 })
  const put = await store.signedUrl('x', { method: 'PUT', expiresInSeconds: 60 })
  const says = async (url: string, method: string) => (await fetch(url, { method })).text()

  for (const [url, method] of [
    [get, 'PUT'],
    [put, 'GET'],
    [put, 'HEAD'],
    [get, 'POST'],
    [get, 'DELETE'],
  ] as const) {
    assert.equal((await fetch(url, { method })).status, 400, `${method} ${url}`)
  }
  assert.equal(await says(get, 'GET'), 'x')
  time.ms += 59_999
  assert.equal(await says(get, 'GET'), 'x')
  time.ms += 1
  assert.equal(await says(get, 'GET'), 'SignedUrlRefused')
  const gone = await store.signedUrl('none', { method: 'GET', expiresInSeconds: 60 })
  assert.equal(await says(gone, 'GET'), 'ObjectNotFound')
})

const NOW = new Date('2027-01-01T00:00:00.500Z')
const keys = fc
  .array(fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}$/), { minLength: 1, maxLength: 4 })
  .map((segments) => segments.join('/'))
const name = fc.option(fc.string({ unit: 'binary', maxLength: 30 }), { nil: undefined })
const grants = fc.oneof(
  fc.record({ method: fc.constant('GET' as const), downloadName: name }),
  fc.record({
    method: fc.constant('PUT' as const),
    contentType: fc.option(fc.stringMatching(/^[ -~]{1,30}$/), { nil: undefined }),
    maxBytes: fc.option(fc.nat(), { nil: undefined }),
  }),
)

function defined<Value extends object>(value: Value) {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined),
  ) as Value
}

test('what was granted is what is verified, for any key, type, size and name', () => {
  const property = fc.property(
    keys,
    grants,
    fc.integer({ min: 1, max: 604_800 }),
    (key, granted, expiresInSeconds) => {
      const options = { ...defined(granted), expiresInSeconds } as Parameters<typeof signUrl>[3]
      const url = signUrl(KEY, 'https://gantry.example', key, options, NOW)
      const { expiresAtSeconds, ...verified } = verifySignedUrl(KEY, options.method, url, NOW)
      assert.equal(expiresAtSeconds, Math.floor(NOW.getTime() / 1000) + expiresInSeconds)
      const { downloadName } = granted as { downloadName?: string }
      const name = downloadName === undefined ? {} : { downloadName: downloadName.toWellFormed() }
      assert.deepEqual(verified, { ...defined(granted), ...name, key })
    },
  )
  fc.assert(property, { numRuns: 300 })
})

test('no part of a signed URL can be changed, added or taken away', () => {
  const options = { method: 'PUT', expiresInSeconds: 60, contentType: 'a/b', maxBytes: 5 } as const
  const url = signUrl(KEY, 'https://gantry.example', 'a/b/c', options, NOW)
  const change = (edit: (url: URL) => void) => {
    const changed = new URL(url)
    edit(changed)
    return changed.href
  }
  const signature = new URL(url).searchParams.get('signature') ?? ''
  const wrong = [
    change((each) => (each.pathname = '/objects/a/b/d')),
    change((each) => (each.pathname = '/objects/a/b')),
    change((each) => (each.pathname = '/objects/a/%62/c')),
    change((each) => (each.pathname = '/things/a/b/c')),
    change((each) => each.searchParams.set('expires', '99999999999')),
    change((each) => each.searchParams.set('expires', '')),
    change((each) => each.searchParams.set('max', '6')),
    change((each) => each.searchParams.set('max', '5.0')),
    change((each) => each.searchParams.delete('max')),
    change((each) => each.searchParams.delete('type')),
    change((each) => each.searchParams.set('type', 'text/html')),
    change((each) => each.searchParams.set('name', 'x')),
    change((each) => each.searchParams.delete('signature')),
    change((each) => each.searchParams.set('signature', `${signature}x`)),
    change((each) => each.searchParams.set('signature', signature.slice(0, -1))),
    ...Array.from(signature, (char, at) =>
      change((each) =>
        each.searchParams.set(
          'signature',
          signature.slice(0, at) + (char === 'A' ? 'B' : 'A') + signature.slice(at + 1),
        ),
      ),
    ),
    'not a url \u0000',
    '//',
    '',
  ]
  for (const each of wrong) {
    assert.throws(() => verifySignedUrl(KEY, 'PUT', each, NOW), SignedUrlRefused, each)
  }
  assert.throws(() => verifySignedUrl(Buffer.alloc(32, 8), 'PUT', url, NOW), SignedUrlRefused)
  assert.equal(verifySignedUrl(KEY, 'PUT', url, NOW).maxBytes, 5)
})

test('a download name of any characters makes a header of plain ones, and comes back whole', () => {
  assert.equal(attachment(), 'attachment')
  assert.equal(
    attachment('../../etc/passwd'),
    `attachment; filename="passwd"; filename*=UTF-8''passwd`,
  )
  assert.equal(attachment('C:\\x\\a.txt\r\nSet-Cookie: a=b'), attachment('a.txtSet-Cookie: a=b'))
  assert.equal(attachment('fdp.\u202eexe'), attachment('fdp.exe'))
  const property = fc.property(fc.string({ unit: 'binary' }), (given) => {
    const header = attachment(given)
    assert.match(
      header,
      /^attachment(; filename="[ !#-$&-~]+"; filename\*=UTF-8''[\w%.!#$&+^`|~-]+)?$/,
    )
  })
  fc.assert(property, { numRuns: 500 })
  const exact = fc.property(fc.stringMatching(/^[\p{L}\p{N} ._()'*!-]{1,50}$/u), (given) => {
    const [, encoded = ''] = attachment(given).split("filename*=UTF-8''")
    assert.equal(decodeURIComponent(encoded), given)
  })
  fc.assert(exact, { numRuns: 200 })
})
