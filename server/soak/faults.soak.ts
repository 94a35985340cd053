import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isRoot } from '#kernel/test-support.ts'
import { Account } from '#test/faults/account.ts'
import { breakFrames, flood, neverReads, takeControl } from '#test/faults/clients.ts'
import { fillDisk } from '#test/faults/disk.ts'
import {
  downloadMuch,
  eatMemory,
  eatProcessor,
  openDialogs,
  openPopups,
  site,
  useLongUrl,
} from '#test/faults/pages.ts'
import { Rental } from '#test/faults/rental.ts'
import { Scene } from '#test/faults/scene.ts'
import { serveHtml } from '#test/page-server.ts'
import { ServerHome } from '#test/process.ts'

const LIMIT = { timeout: 15 * 60_000 }
const scene = await Scene.open({}, site)
after(() => scene[Symbol.asyncDispose]())

test('a page that eats memory, up to the usual limit', LIMIT, async (t) => {
  assert.equal((await scene.survives(t, eatMemory)).endReason, 'memory')
})

test('a page that fills the disk, up to the usual limit', LIMIT, async (t) => {
  const ended = await scene.survives(t, async (culprit) => {
    for (let round = 0; round < 20; round++) {
      if (!(await fillDisk(culprit, 4_096))) break
    }
    await culprit.lost()
  })
  assert.equal(ended.endReason, 'disk')
})

test('a page with thirty-two threads that never stop', LIMIT, async (t) => {
  await scene.survives(t, (culprit) => eatProcessor(culprit, 32))
})

test('a thousand windows', LIMIT, async (t) => {
  await scene.survives(t, (culprit) => openPopups(culprit, 1_000))
})

test('ten thousand downloads', LIMIT, async (t) => {
  await scene.survives(t, (culprit) => downloadMuch(culprit, scene.site.url, 10_000))
})

test('five hundred dialogs, each after the last', LIMIT, async (t) => {
  await scene.survives(t, (culprit) => openDialogs(culprit, 500))
})

test('an address of 500 MB', LIMIT, async (t) => {
  await scene.survives(t, (culprit) => useLongUrl(culprit, 500))
})

test(
  'clients that never read, flood, send broken frames and fight for control',
  LIMIT,
  async (t) => {
    await scene.survives(t, neverReads)
    await scene.survives(t, (culprit) => flood(culprit, 50_000))
    await scene.survives(t, (culprit) => breakFrames(culprit, 20))
    await scene.survives(t, (culprit) => takeControl(culprit, 50))
  },
)

test('a file system of the profiles that is really full', LIMIT, async (t) => {
  assert.ok(isRoot, 'mounts a file system: run it as root')
  await using home = await ServerHome.make()
  await using pages = await serveHtml('<!doctype html><title>A page</title>')
  const EGRESS_ALLOW = new URL(pages.url).host
  await using first = await (await home.start({ EGRESS_ALLOW })).ready()
  first.signal('SIGTERM')
  await first.ended
  using _disk = smallDisk(join(home.path, 'sessions'), 1_280)
  await using server = await (await home.start({ EGRESS_ALLOW, WARM_BROWSERS: '0' })).ready()
  const running = { home: home.path, pid: server.child.pid! }
  const rent = async () => {
    const rental = await Rental.open(await Account.register(server.url), home.path)
    await rental.command('navigate', { url: pages.url })
    return rental
  }
  const [bystander, culprit] = [await rent(), await rent()]
  await bystander.evaluate('void (window.kept = "here")')
  const filled = await fillDisk(culprit, 400)
  t.diagnostic(`filled: ${JSON.stringify(filled)}`)
  const ballast = fillUp(join(home.path, 'sessions/ballast'))
  assert.equal(await bystander.evaluate('window.kept'), 'here')
  assert.equal((await bystander.command('navigate', { url: `${pages.url}/more` })).status, 200)
  const late = await (await Account.register(server.url)).post('/sessions', {})
  assert.deepEqual([late.status, late.body.code], [503, 'node.disk_full'])
  await culprit.end(running)
  rmSync(ballast)
  const next = await rent()
  assert.equal(await next.evaluate('40 + 2'), 42, 'the space is back')
  for (const rental of [next, bystander]) await rental.end(running)
  server.signal('SIGTERM')
  assert.deepEqual(await server.ended, { code: 0, signal: null })
})

/** Takes what is left of a file system, to the last byte. */
function fillUp(path: string): string {
  const file = openSync(path, 'w')
  try {
    for (;;) writeSync(file, Buffer.alloc(4_096, 1))
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
  } finally {
    closeSync(file)
  }
  return path
}

/** A file system of its own in place of a directory, with the same owner. */
function smallDisk(path: string, megabytes: number): Disposable {
  const { uid, gid, mode } = statSync(path)
  const options = `size=${megabytes}m,uid=${uid},gid=${gid},mode=${(mode & 0o7777).toString(8)}`
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path])
  return { [Symbol.dispose]: () => void execFileSync('umount', ['-l', path]) }
}
