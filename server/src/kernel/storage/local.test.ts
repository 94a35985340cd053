import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { eventually } from '../test-support.ts'
import { ObjectNotFound } from './errors.ts'
import { openLocalStore } from './local.ts'

const run = promisify(execFile)
const TEXT = { contentType: 'text/plain', maxBytes: 2 ** 30 }

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'store-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

async function open(t: TestContext, root: string, hoursAhead = 0) {
  const store = await openLocalStore({
    root,
    publicUrl: () => 'http://localhost',
    signingKey: randomBytes(32),
    clock: { now: () => new Date(Date.now() + hoursAhead * 3_600_000), monotonicMs: () => 0 },
  })
  t.after(() => store[Symbol.asyncDispose]())
  return store
}

/** Starts a program that has the store open as `store`; it prints one JSON value. */
function program(root: string, body: string): string[] {
  const source = `
    import { openLocalStore } from ${JSON.stringify(import.meta.resolve('./local.ts'))}
    const store = await openLocalStore({
      root: ${JSON.stringify(root)}, publicUrl: () => '', signingKey: Buffer.alloc(32),
      clock: { now: () => new Date(), monotonicMs: () => 0 },
    })
    ${body}`
  return ['--input-type=module', '--eval', source]
}

test('a full disk gives a typed error, leaves nothing behind, and takes objects again once there is room', async (t) => {
  const root = await directory(t)
  const script = `
    const options = { contentType: 'x/y', maxBytes: 2 ** 30 }
    const { readdir } = await import('node:fs/promises')
    const errorOf = (work) => work.then(() => 'none', (error) => error.name)
    await store.put('a/kept', Buffer.alloc(400_000), options)
    const full = await errorOf(store.put('a/large', Buffer.alloc(2_000_000), options))
    const over = await errorOf(store.put('a/kept', Buffer.alloc(2_000_000), options))
    const health = await errorOf(store.check())
    const { objects } = await store.list('', { limit: 10 })
    const left = await readdir(${JSON.stringify(join(root, 'temp'))})
    await store.remove('a/kept')
    const after = await errorOf(store.put('a/again', Buffer.alloc(600_000), options))
    console.log(JSON.stringify({ full, over, health, objects: objects.map((o) => [o.key, o.bytes]), left, after }))
    await store[Symbol.asyncDispose]()`
  const shell = 'mount -t tmpfs -o size=1m none "$1" && shift && exec "$@"'
  const namespaces = process.getuid?.() === 0 ? ['-m'] : ['-Urm']
  const command = [
    ...namespaces,
    'sh',
    '-c',
    shell,
    'sh',
    root,
    process.execPath,
    ...program(root, script),
  ]
  if (!(await run('unshare', [...namespaces, 'true']).catch(() => undefined))) {
    t.skip('this machine lets nobody mount a small disk')
    return
  }
  const { stdout } = await run('unshare', command)
  assert.deepEqual(JSON.parse(stdout), {
    full: 'ObjectStoreFull',
    over: 'ObjectStoreFull',
    health: 'ObjectStoreFull',
    objects: [['a/kept', 400_000]],
    left: [],
    after: 'none',
  })
})

test('a process killed in the middle of a put changes no object, and what it wrote is swept', async (t) => {
  const root = await directory(t)
  const store = await open(t, root)
  await store.put('a/b', Buffer.from('before'), TEXT)
  const script = `
    const { Readable } = await import('node:stream')
    const body = new Readable({ read() {} })
    body.push(Buffer.alloc(100_000))
    store.put('a/b', body, { contentType: 'x/y', maxBytes: 1e9 })
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, program(root, script), { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  await eventually('it is under way', async () =>
    (await sizesIn(join(root, 'temp'))).includes(100_000),
  )
  child.kill('SIGKILL')
  await once(child, 'exit')

  assert.equal(await text((await store.get('a/b')).stream), 'before')
  await open(t, root)
  assert.equal((await readdir(join(root, 'temp'))).length, 1, 'it might still be written to')
  await open(t, root, 2)
  assert.deepEqual(await readdir(join(root, 'temp')), [])
})

test('a put under way is not swept', async (t) => {
  const root = await directory(t)
  const store = await open(t, root)
  const body = new Readable({ read() {} })
  body.push('first ')
  const put = store.put('slow', body, TEXT)
  await eventually('it is under way', async () => (await sizesIn(join(root, 'temp'))).includes(6))
  await open(t, root)
  body.push('second')
  body.push(null)
  await put
  assert.equal(await text((await store.get('slow')).stream), 'first second')
})

test('symbolic links are never followed', async (t) => {
  const root = await directory(t)
  const outside = await directory(t)
  const store = await open(t, root)
  await store.put('real/file', Buffer.from('mine'), TEXT)
  await writeFile(join(outside, 'secret'), await readFile(join(root, 'objects/real+/file')))
  await symlink(join(outside, 'secret'), join(root, 'objects/link'))
  await symlink(outside, join(root, 'objects/folder+'))

  for (const key of ['link', 'folder/secret']) {
    await assert.rejects(store.get(key), ObjectNotFound)
    assert.equal(await store.head(key), undefined)
    await store.remove(key)
  }
  await assert.rejects(store.put('folder/new', Buffer.from('x'), TEXT), /not a directory/)
  await assert.rejects(store.put('folder/deep/new', Buffer.from('x'), TEXT), /not a directory/)
  assert.deepEqual(
    (await store.list('', { limit: 10 })).objects.map(({ key }) => key),
    ['real/file'],
  )
  assert.deepEqual(await readdir(outside), ['secret'])

  await store.put('link', Buffer.from('x'), TEXT)
  assert.equal(await text((await store.get('link')).stream), 'x')
  assert.equal((await readFile(join(outside, 'secret'))).subarray(0, 4).toString(), 'mine')
})

test('of many puts of one object the last to end stands, whole', async (t) => {
  const store = await open(t, await directory(t))
  const versions = Array.from({ length: 30 }, (_, n) => Buffer.alloc(50_000, n))
  await Promise.all(versions.map((version) => store.put('shared/one', version, TEXT)))
  const content = await text((await store.get('shared/one')).stream)
  assert.ok(versions.some((version) => version.toString() === content))
})

test('a put succeeds although removes take its folder away again and again', async (t) => {
  const store = await open(t, await directory(t))
  const comeAndGo = async (writer: number) => {
    for (let n = 0; n < 40; n += 1) {
      await store.put(`brief/x/${writer}`, Buffer.from('x'), TEXT)
      await store.remove(`brief/x/${writer}`)
    }
  }
  await Promise.all([1, 2, 3, 4].map(comeAndGo))
  assert.deepEqual((await store.list('', { limit: 1 })).objects, [])
})

test('a removed object leaves no empty folders', async (t) => {
  const root = await directory(t)
  const store = await open(t, root)
  await store.put('a/b/c/d', Buffer.from('x'), TEXT)
  await store.put('a/e', Buffer.from('x'), TEXT)
  await store.remove('a/b/c/d')
  assert.deepEqual(await readdir(join(root, 'objects/a+')), ['e'])
  await store.remove('a/e')
  assert.deepEqual(await readdir(join(root, 'objects')), [])
})

test('a damaged file is reported, not served', async (t) => {
  const root = await directory(t)
  const store = await open(t, root)
  await store.put('x', Buffer.from('whole'), TEXT)
  for (const size of [1028, 600, 0]) {
    await truncate(join(root, 'objects/x'), size)
    await assert.rejects(store.get('x'), /object is damaged: x/)
  }
  await store.put('x', Buffer.from('whole'), TEXT)
  const file = await readFile(join(root, 'objects/x'))
  await writeFile(join(root, 'objects/x'), file.subarray(1))
  await assert.rejects(store.get('x'), /object is damaged: x/)
})

test('objects are for this user only, also when the root is a link', async (t) => {
  const real = await directory(t)
  const place = join(await directory(t), 'link')
  await mkdir(join(real, 'root'))
  await symlink(join(real, 'root'), place)
  const store = await open(t, place)
  await store.put('a/b', Buffer.from('x'), TEXT)
  assert.equal(await text((await store.get('a/b')).stream), 'x')
  const modes = await Promise.all(
    ['objects/a+', 'objects/a+/b'].map((path) => stat(join(place, path))),
  )
  assert.deepEqual(
    modes.map(({ mode }) => mode & 0o777),
    [0o700, 0o600],
  )
})

test('memory stays level while a large object is written and read', async (t) => {
  const store = await open(t, await directory(t))
  const chunk = Buffer.alloc(65_536)
  const total = 128 * 1024 * 1024
  let peak = 0
  const watch = () => (peak = Math.max(peak, process.memoryUsage().arrayBuffers))
  const before = process.memoryUsage().arrayBuffers
  async function* source() {
    for (let sent = 0; sent < total; sent += chunk.length) {
      watch()
      yield chunk
    }
  }
  await store.put('big', Readable.from(source()), TEXT)
  let bytes = 0
  for await (const part of (await store.get('big')).stream) {
    bytes += (part as Buffer).length
    watch()
  }
  assert.equal(bytes, total)
  assert.ok(peak - before < total / 2, `${peak - before} bytes`)
})

test('a file that is not an object, or is old but in use elsewhere, does not stop the store from opening', async (t) => {
  const root = await directory(t)
  await mkdir(join(root, 'temp'), { recursive: true })
  await writeFile(join(root, 'temp/old'), 'x')
  await utimes(join(root, 'temp/old'), new Date(0), new Date(0))
  await open(t, root)
  assert.deepEqual(await readdir(join(root, 'temp')), [])
})

async function sizesIn(folder: string): Promise<number[]> {
  const names = await readdir(folder)
  return Promise.all(names.map(async (name) => (await stat(join(folder, name))).size))
}
