import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../clock.ts'
import { InvalidObjectKey, ObjectNotFound, ObjectTooLarge, RangeNotSatisfiable } from './errors.ts'
import { openObjectStore } from './open.ts'
import { openS3Double } from './s3-double.ts'
import type { ObjectStore } from './store.ts'

const TEXT = { contentType: 'text/plain', maxBytes: 1000 }

type Opener = (t: TestContext) => Promise<ObjectStore>

async function openLocal(t: TestContext): Promise<ObjectStore> {
  const localRoot = await mkdtemp(join(tmpdir(), 'store-'))
  const common = {
    publicUrl: () => 'http://localhost',
    signingKey: randomBytes(32),
    clock: systemClock,
  }
  const store = await openObjectStore({ localRoot, ...common })
  t.after(async () => {
    await store[Symbol.asyncDispose]()
    await rm(localRoot, { recursive: true })
  })
  return store
}

async function openS3(t: TestContext): Promise<ObjectStore> {
  const { url, credentials, ...double } = await openS3Double(() => new Date())
  const common = {
    publicUrl: () => 'http://localhost',
    signingKey: randomBytes(32),
    clock: systemClock,
  }
  const store = await openObjectStore({ url, credentials, localRoot: '/nowhere', ...common })
  t.after(async () => {
    await store[Symbol.asyncDispose]()
    await double[Symbol.asyncDispose]()
  })
  return store
}

async function keysOf(store: ObjectStore, prefix: string, options = { limit: 1000 }) {
  const { objects } = await store.list(prefix, options)
  return objects.map(({ key }) => key)
}

/** `total` bytes in chunks of 64 KiB, then perhaps an error. */
async function* flow(total: number, error?: Error): AsyncGenerator<Buffer> {
  for (let sent = 0; sent < total; sent += 65_536)
    yield Buffer.alloc(Math.min(65_536, total - sent), sent)
  if (error) throw error
}

const stores: Record<string, Opener> = { 'local disk': openLocal, S3: openS3 }

for (const [name, open] of Object.entries(stores)) {
  test(`${name}: what is put comes back with its size, type and hash, and a second put replaces it`, async (t) => {
    const store = await open(t)
    const key = 'acc_1/2026/11/photo.png'
    await store.put(key, Buffer.from('old'), TEXT)
    const stored = await store.put(key, Readable.from(['he', Buffer.from('llo')]), {
      contentType: 'image/png; a="b"',
      maxBytes: 5,
    })
    const sha256 = createHash('sha256').update('hello').digest('hex')
    assert.deepEqual(stored, { bytes: 5, sha256 })

    const { modifiedAt, ...info } = (await store.head(key)) ?? {}
    assert.deepEqual(info, { key, bytes: 5, contentType: 'image/png; a="b"', sha256 })
    assert.ok(Math.abs(Date.now() - (modifiedAt?.getTime() ?? 0)) < 60_000)
    const { stream, ...content } = await store.get(key)
    assert.equal(await text(stream), 'hello')
    assert.equal(content.bytes, 5)
    assert.equal(content.contentType, 'image/png; a="b"')
  })

  test(`${name}: an empty object is an object`, async (t) => {
    const store = await open(t)
    assert.equal((await store.put('empty', Readable.from([]), TEXT)).bytes, 0)
    assert.equal((await store.head('empty'))?.bytes, 0)
    const { stream, bytes } = await store.get('empty')
    assert.equal(await text(stream), '')
    assert.equal(bytes, 0)
    await assert.rejects(store.get('empty', { range: { start: 0 } }), RangeNotSatisfiable)
  })

  test(`${name}: a large stream is kept whole, and any range of it can be read`, async (t) => {
    const store = await open(t)
    const total = 20 * 1024 * 1024 + 7
    const whole = await buffer(flow(total))
    const sha256 = createHash('sha256').update(whole).digest('hex')
    const stored = await store.put('big', Readable.from(flow(total)), {
      contentType: 'x/y',
      maxBytes: total,
    })
    assert.deepEqual(stored, { bytes: total, sha256 })
    assert.ok(whole.equals(await buffer((await store.get('big')).stream)))

    for (const [start, end] of [
      [0, 0],
      [5, 70_000],
      [total - 1, undefined],
      [total - 10, total + 100],
    ] as const) {
      const content = await store.get('big', {
        range: { start, ...(end !== undefined && { end }) },
      })
      const wanted = whole.subarray(start, (end ?? total) + 1)
      assert.ok(wanted.equals(await buffer(content.stream)), `${start} to ${end}`)
      assert.deepEqual(
        [content.start, content.bytes, content.totalBytes],
        [start, wanted.length, total],
      )
    }
    await assert.rejects(store.get('big', { range: { start: total } }), RangeNotSatisfiable)
  })

  test(`${name}: a put that is too large, fails or is aborted leaves what was there`, async (t) => {
    const store = await open(t)
    await store.put('kept', Buffer.from('kept'), TEXT)
    const large = 9 * 1024 * 1024
    const options = { contentType: 'x/y', maxBytes: large }
    const broken = new Error('the sender went away')
    const abort = new AbortController()
    async function* endless() {
      yield Buffer.from('a')
      abort.abort()
      await new Promise(() => {})
    }
    await assert.rejects(store.put('kept', Buffer.alloc(1001), TEXT), ObjectTooLarge)
    await assert.rejects(store.put('kept', Readable.from(flow(large + 1)), options), ObjectTooLarge)
    await assert.rejects(store.put('kept', Readable.from(flow(large, broken)), options), broken)
    await assert.rejects(
      store.put('kept', Readable.from(endless()), { ...options, signal: abort.signal }),
      { name: 'AbortError' },
    )
    assert.equal(await text((await store.get('kept')).stream), 'kept')
    assert.deepEqual(await keysOf(store, ''), ['kept'])
    assert.equal((await store.put('kept', Readable.from(flow(large)), options)).bytes, large)
  })

  test(`${name}: a removed object is gone, and to remove or read none is told apart`, async (t) => {
    const store = await open(t)
    await store.put('a/b/c', Buffer.from('x'), TEXT)
    await store.put('a/b', Buffer.from('a key may be the beginning of another'), TEXT)
    await store.remove('a/b/c')
    await store.remove('a/b/c')
    await store.remove('never/was')
    assert.equal(await store.head('a/b/c'), undefined)
    await assert.rejects(store.get('a/b/c'), ObjectNotFound)
    await assert.rejects(store.get('a/b/d/e'), ObjectNotFound)
    assert.deepEqual(await keysOf(store, ''), ['a/b'])
  })

  test(`${name}: a list is in the order of keys, by any prefix, in pages that miss nothing`, async (t) => {
    const store = await open(t)
    const keys = ['a', 'a-b', 'a.b', 'a/a', 'a/a/a', 'a/b', 'a0', 'ab/c', 'b/1', 'b/10', 'b/2', 'B']
    for (const key of keys.toReversed()) await store.put(key, Buffer.from(key), TEXT)
    const sorted = keys.toSorted()
    for (const prefix of ['', 'a', 'a/', 'a/a', 'a/a/', 'b/1', 'b/1x', 'c', 'c/d/', 'A']) {
      const wanted = sorted.filter((key) => key.startsWith(prefix))
      assert.deepEqual(await keysOf(store, prefix), wanted, prefix)

      const paged: string[] = []
      let after: string | undefined
      do {
        const page = await store.list(prefix, { limit: 2, ...(after && { after }) })
        paged.push(...page.objects.map(({ key }) => key))
        after = page.next
      } while (after)
      assert.deepEqual(paged, wanted, `${prefix} in pages`)
    }
    const { objects } = await store.list('a/', { limit: 1000 })
    assert.deepEqual(
      objects.map(({ bytes }) => bytes),
      [3, 5, 3],
    )
    await assert.rejects(store.list('', { limit: 1001 }), RangeError)
  })

  test(`${name}: keys that are not plain are refused everywhere`, async (t) => {
    const store = await open(t)
    const long = Array.from({ length: 5 }, () => 'x'.repeat(120)).join('/')
    const odd = [
      '',
      '/',
      '/a',
      'a/',
      'a//b',
      '.',
      '..',
      'a/../b',
      'a/./b',
      'a\\b',
      'a\0b',
      'a b',
      'é',
    ]
    for (const key of [...odd, 'a%2fb', 'a+/b', 'x'.repeat(129), long]) {
      await assert.rejects(store.put(key, Buffer.from('x'), TEXT), InvalidObjectKey, key)
      await assert.rejects(store.get(key), InvalidObjectKey, key)
      await assert.rejects(store.head(key), InvalidObjectKey, key)
      await assert.rejects(store.remove(key), InvalidObjectKey, key)
      await assert.rejects(
        store.signedUrl(key, { method: 'GET', expiresInSeconds: 60 }),
        InvalidObjectKey,
      )
    }
    for (const prefix of ['../', 'a/../b', '/', 'a b', 'a//']) {
      await assert.rejects(store.list(prefix, { limit: 1 }), InvalidObjectKey, prefix)
    }
    await assert.rejects(
      store.put('a', Buffer.from('x'), { ...TEXT, contentType: 'a\r\nb: c' }),
      TypeError,
    )
    for (const expiresInSeconds of [0, -1, 1.5, 604_801, NaN]) {
      await assert.rejects(store.signedUrl('a', { method: 'GET', expiresInSeconds }), RangeError)
    }
  })

  test(`${name}: the health check passes while the store works`, async (t) => {
    const store = await open(t)
    await store.check()
  })
}

test('a URL that names no store, or holds a secret or an unknown setting, is refused without being repeated', async () => {
  const common = {
    publicUrl: () => 'http://localhost',
    signingKey: randomBytes(32),
    clock: systemClock,
  }
  const wrong = [
    '/var/objects',
    'https://bucket.example/',
    's3://',
    's3://AKID:secret@bucket',
    's3://bucket/a//b',
    's3://bucket?endpoint=ftp://secret.example',
    's3://bucket?endpoint=https://u:secret@s3.example',
    's3://bucket?pathStyle=yes',
    's3://bucket?regoin=eu',
    's3://UPPER',
  ]
  for (const url of wrong) {
    await assert.rejects(
      openObjectStore({ url, localRoot: '/nowhere', ...common }),
      (error: Error) => {
        assert.doesNotMatch(error.message, /secret/)
        return true
      },
    )
  }
})
