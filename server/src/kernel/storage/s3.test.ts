import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { ObjectStoreFull } from './errors.ts'
import { openS3Double } from './s3-double.ts'
import { openS3Store, type S3Credentials } from './s3.ts'

const TEXT = { contentType: 'text/plain', maxBytes: 2 ** 30 }
const PART = 8 * 1024 * 1024

async function open(t: TestContext, credentials?: S3Credentials) {
  const time = { ms: Date.now() }
  const now = () => new Date(time.ms)
  const double = await openS3Double(now)
  const clock = { now, monotonicMs: () => 0 }
  const store = openS3Store(double.url, { clock, credentials: credentials ?? double.credentials })
  t.after(async () => {
    await store[Symbol.asyncDispose]()
    await double[Symbol.asyncDispose]()
  })
  return { store, double, time }
}

test('objects lie in the bucket below the prefix of the URL, and requests are signed', async (t) => {
  const { store, double } = await open(t)
  await store.put('a/b', Buffer.from('x'), TEXT)
  assert.deepEqual([...double.objects.keys()], ['gantry/tests/a/b'])
  await store.check()
  assert.deepEqual(double.requests, ['PUT /things/gantry/tests/a/b', 'HEAD /things/'])
})

test('with the wrong secret nothing is stored', async (t) => {
  const { store, double } = await open(t, { accessKeyId: 'AKIDTEST', secretAccessKey: 'wrong' })
  await assert.rejects(store.put('a', Buffer.from('x'), TEXT), { name: 'SignatureDoesNotMatch' })
  await assert.rejects(store.check())
  assert.equal(double.objects.size, 0)
})

test('a body of one part is sent at once, a longer one in parts of 8 MiB', async (t) => {
  const { store, double } = await open(t)
  const puts = async (bytes: number) => {
    double.requests.length = 0
    await store.put('x', Readable.from([Buffer.alloc(bytes)]), TEXT)
    assert.equal(double.objects.get('gantry/tests/x')?.body.length, bytes)
    return double.requests.map((request) => request.split(' ')[0]).join()
  }
  assert.equal(await puts(PART), 'PUT')
  assert.equal(await puts(PART + 1), 'POST,PUT,PUT,POST')
  assert.equal(await puts(2 * PART), 'POST,PUT,PUT,POST')
  assert.equal((await store.head('x'))?.sha256, undefined)
})

test('a long upload that fails is given up, so that no part of it is kept or paid for', async (t) => {
  const { store, double } = await open(t)
  const broken = new Error('the sender went away')
  async function* source() {
    yield Buffer.alloc(PART + 1)
    throw broken
  }
  await assert.rejects(store.put('x', Readable.from(source()), TEXT), broken)
  assert.equal(double.uploads.size, 0)
  assert.equal(double.objects.size, 0)
})

test('a body that fails or is refused is told to stop', async (t) => {
  const { store } = await open(t)
  const endless = new Readable({
    read() {
      this.push(Buffer.alloc(65_536))
    },
  })
  await assert.rejects(store.put('x', endless, { ...TEXT, maxBytes: 1_000_000 }), {
    name: 'ObjectTooLarge',
  })
  assert.ok(endless.destroyed)
})

test('a store without room says that it is full', async (t) => {
  const { store, double } = await open(t)
  double.failures.set('PUT', 507)
  await assert.rejects(store.put('x', Buffer.from('x'), TEXT), ObjectStoreFull)
})

test('a signed GET downloads as an attachment until it expires', async (t) => {
  const { store, time } = await open(t)
  await store.put('x', Buffer.from('hello'), TEXT)
  const url = await store.signedUrl('x', {
    method: 'GET',
    expiresInSeconds: 60,
    downloadName: 'ü.txt',
  })
  const reply = await fetch(url)
  assert.equal(await reply.text(), 'hello')
  assert.equal(
    reply.headers.get('content-disposition'),
    `attachment; filename="_.txt"; filename*=UTF-8''%C3%BC.txt`,
  )
  assert.equal((await fetch(url.replace('/x?', '/y?'))).status, 403)
  time.ms += 61_000
  assert.equal((await fetch(url)).status, 403)
})

test('a signed PUT takes the type and the size that it names, without a checksum of an empty body', async (t) => {
  const { store } = await open(t)
  const url = await store.signedUrl('up', {
    method: 'PUT',
    expiresInSeconds: 60,
    contentType: 'image/png',
    maxBytes: 5,
  })
  assert.doesNotMatch(url, /checksum/i)
  const put = async (body: string, type: string) =>
    (await fetch(url, { method: 'PUT', body, headers: { 'content-type': type } })).status
  assert.equal(await put('hello', 'text/html'), 403)
  assert.equal(await put('hello!', 'image/png'), 403)
  assert.equal(await put('hello', 'image/png'), 200)

  const { stream, contentType } = await store.get('up')
  assert.deepEqual([await text(stream), contentType], ['hello', 'image/png'])
  const free = await store.signedUrl('free', { method: 'PUT', expiresInSeconds: 60 })
  assert.equal((await fetch(free, { method: 'PUT', body: 'any' })).status, 200)
})
