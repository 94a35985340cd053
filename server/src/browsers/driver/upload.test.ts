import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import pino from 'pino'
import { temporaryPath } from '#kernel/test-support.ts'
import { openDriver } from './driver.ts'
import { freeFileName, safeFileName } from './file-name.ts'
import { driverOf, givenTime, refusal, startBrowser, TestSite } from './test-browser.ts'
import { uploadedFile } from '../cdp/session-files.ts'
import { UploadFolder } from './upload-folder.ts'

const [browser, site] = await Promise.all([startBrowser(), TestSite.start()])
const driver = driverOf(browser)

const open = (body: string) => driver.navigate({ url: site.page(`<!doctype html>${body}`) })
const read = async (script: string) => (await driver.execute({ script })).result
const file = (name: string, text: string, contentType?: string) => ({
  ...{ name, base64: Buffer.from(text).toString('base64') },
  ...(contentType && { contentType }),
})
const SEEN = `Promise.all([...document.querySelector('input').files].map(async (f) =>
  [f.name, f.type, await f.text()]))`

test('files are given to a file input, which tells the page', async () => {
  await open(`<input type=file multiple hidden onchange="changed = true">`)
  const files = [file('a.txt', 'one'), file('a.txt', 'two'), file('../../etc/p.json', '{}')]
  const given = (await driver.upload({ files, selector: 'input' })).files
  const seen = given.map(({ name, bytes }) => [name, bytes])
  assert.deepEqual(seen, [
    ['a.txt', 3],
    ['a (1).txt', 3],
    ['p.json', 2],
  ])
  for (const { name, path } of given) {
    const found = uploadedFile({ uploads: browser.files.uploads, downloads: '/nowhere' }, path)
    assert.ok(found.endsWith(`/${name}`), 'CDP finds it by that path')
  }
  assert.equal(await read('changed'), true)
  assert.deepEqual(await read(SEEN), [
    ['a.txt', 'text/plain', 'one'],
    ['a (1).txt', 'text/plain', 'two'],
    ['p.json', 'application/json', '{}'],
  ])
})

test('a file has the type that its giver names', async () => {
  await open('<input type=file>')
  await driver.upload({ files: [file('data', 'x', 'text/csv')], selector: 'input' })
  assert.deepEqual(await read(SEEN), [['data', 'text/csv', 'x']])
})

test('files are kept where the browser can read them, without a page too', async () => {
  const { uploads: path } = browser.files
  const before = await readdir(path)
  await driver.upload({ files: [file('kept.txt', 'here')] })
  const [added] = (await readdir(path)).filter((name) => !before.includes(name))
  const kept = join(path, added!, 'kept.txt')
  assert.equal(await readFile(kept, 'utf8'), 'here')
  const { uid, mode } = await stat(kept)
  assert.equal(mode & 0o777, 0o600)
  assert.equal(uid, (await stat(path)).uid)
})

test('an upload that cannot be done says why', async () => {
  await open('<input id=one type=file><input id=text><input id=off type=file disabled>')
  const files = [file('a', '1'), file('b', '2')]
  const reasons = {
    one: 'it takes one file only',
    text: 'it is not a file input',
    off: 'it is disabled',
  }
  for (const [id, reason] of Object.entries(reasons)) {
    await givenTime(2_000, async (timeoutMs) => {
      const given = driver.upload({ files, selector: `#${id}`, timeoutMs })
      const problem = await refusal(given, 'browser.not_actionable')
      assert.equal(problem.message, `#${id} was not acted on: ${reason}.`)
    })
  }
  await givenTime(300, (timeoutMs) => {
    const absent = driver.upload({ files, selector: '#absent', timeoutMs })
    return refusal(absent, 'browser.selector_not_found')
  })
  const reason = new Error('the client went away')
  await assert.rejects(driver.upload({ files }, AbortSignal.abort(reason)), reason)
  const log = pino({ level: 'silent' })
  await using homeless = openDriver({ endpoint: browser.endpoint, log })
  await refusal(homeless.upload({ files }), 'browser.uploads_unavailable')
})

test('the files of one upload are bounded', async () => {
  const half = Buffer.alloc(26 * 1024 * 1024).toString('base64')
  const files = ['a', 'b'].map((name) => ({ name, base64: half }))
  assert.equal((await refusal(driver.upload({ files }), 'browser.upload_too_large')).status, 413)
})

test('the files of all uploads of a session are bounded', async () => {
  const path = temporaryPath()
  await mkdir(path)
  const folder = new UploadFolder(path)
  const { signal } = new AbortController()
  const large = [{ name: 'x', bytes: Buffer.alloc(501 * 1024 * 1024) }]
  await refusal(folder.keep(large, signal), 'browser.uploads_full')
  await folder.keep([{ name: 'x', bytes: Buffer.alloc(1) }], signal)
})

test('no link that the browser’s user puts in the way is followed', async () => {
  const [path, elsewhere] = [temporaryPath(), temporaryPath()]
  await mkdir(path)
  await mkdir(elsewhere)
  const folder = new UploadFolder(path)
  await rename(path, `${path}.moved`)
  await symlink(elsewhere, path)
  const { signal } = new AbortController()
  const files = [{ name: 'x', bytes: Buffer.from('x') }]
  await refusal(folder.keep(files, signal), 'browser.uploads_unavailable')
  assert.deepEqual(await readdir(elsewhere), [])
  await rm(`${path}.moved`, { recursive: true })
})

test('a name is made safe for any system, and stays one that a person knows again', () => {
  const names = {
    'report.pdf': 'report.pdf',
    '../../etc/passwd': 'passwd',
    'C:\\docs\\a.txt': 'a.txt',
    '.htaccess': 'htaccess',
    'a:b?.txt': 'a_b_.txt',
    'x\0y\u202egnp.exe': 'x_y_gnp.exe',
    '..': 'file',
    '': 'file',
    'dir/': 'file',
    'größe.png': 'größe.png',
  }
  for (const [given, safe] of Object.entries(names)) assert.equal(safeFileName(given), safe)
  const long = safeFileName(`${'ä'.repeat(500)}.jpeg`)
  assert.ok(Buffer.byteLength(long) <= 200 && /^ä+\.jpeg$/.test(long), long)
  assert.equal(freeFileName('a.b.c', new Set(['a.b.c', 'a.b (1).c'])), 'a.b (2).c')
})
