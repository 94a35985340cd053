import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { appendFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import pino from 'pino'
import { LineFile } from './line-file.ts'
import { temporaryPath } from './test-support.ts'

const run = promisify(execFile)
const log = pino({ level: 'silent' })

test('lines are read as they were written, and without those that were spoilt', async () => {
  const path = temporaryPath('.jsonl')
  assert.deepEqual(await LineFile.read(path), [])
  await using file = await LineFile.open({ path, log, what: 'lines' }, [{ n: 1 }])
  assert.ok(await file.append([{ n: 2 }, { n: 3 }]))
  assert.equal(file.lines, 3)
  await appendFile(path, 'null\n\0\0\n{"n":4}\n{"n":5')
  assert.deepEqual(await LineFile.read(path), [{ n: 1 }, { n: 2 }, { n: 3 }, {}, { n: 4 }])
})

test('lines that come while it is written anew are in it', async () => {
  const path = temporaryPath('.jsonl')
  const kept = [{ n: 1 }]
  await using file = await LineFile.open({ path, log, what: 'lines' }, kept)
  const before = file.append([{ n: 2 }])
  kept.push({ n: 2 })
  const rewritten = file.rewrite(() => kept)
  const after = file.append([{ n: 3 }])
  assert.deepEqual(await Promise.all([before, rewritten, after]), [true, true, true])
  assert.deepEqual(await LineFile.read(path), [{ n: 1 }, { n: 2 }, { n: 3 }])
  assert.equal(file.lines, 3)
})

test('where nothing can be written it goes on without, and writes again once it can', async () => {
  const path = join(temporaryPath(), 'lines.jsonl')
  await using file = await LineFile.open({ path, log, what: 'lines' }, [{ n: 1 }])
  assert.equal(await file.append([{ n: 2 }]), false)
  assert.equal(await file.rewrite(() => [{ n: 3 }]), false)
  await mkdir(join(path, '..'))
  assert.equal(await file.append([{ n: 4 }]), true)
  assert.deepEqual(await LineFile.read(path), [{ n: 4 }])
})

test('what a full disk has kept of a line does not spoil the next one, and nothing else is left on it', async (t) => {
  const root = temporaryPath()
  await mkdir(root)
  const script = `
    import pino from ${JSON.stringify(import.meta.resolve('pino'))}
    import { readdir, rm, writeFile } from 'node:fs/promises'
    import { LineFile } from ${JSON.stringify(import.meta.resolve('./line-file.ts'))}
    const path = '${root}/lines.jsonl'
    const log = pino({ level: 'silent' })
    const line = (n) => ({ n, text: 'x'.repeat(20_000) })
    await writeFile('${root}/filler', Buffer.alloc(128 * 1024))
    const file = await LineFile.open({ path, log, what: 'lines' }, [line(0)])
    const kept = []
    for (let n = 1; n < 10; n++) kept.push(await file.append([line(n)]))
    const anew = await file.rewrite(() => Array.from({ length: 20 }, (_, n) => line(n)))
    const names = await readdir('${root}')
    await rm('${root}/filler')
    const after = await file.append([line(10)])
    const read = (await LineFile.read(path)).map(({ n }) => n)
    console.log(JSON.stringify({ first: kept[0], last: kept.at(-1), anew, names, after, read }))`
  const namespaces = process.getuid?.() === 0 ? ['-m'] : ['-Urm']
  if (!(await run('unshare', [...namespaces, 'true']).catch(() => undefined))) {
    t.skip('this machine lets nobody mount a small disk')
    return
  }
  const shell = 'mount -t tmpfs -o size=256k none "$1" && shift && exec "$@"'
  const inside = [process.execPath, '--input-type=module', '--eval', script]
  const { stdout } = await run('unshare', [...namespaces, 'sh', '-c', shell, 'sh', root, ...inside])
  const { read, ...rest } = JSON.parse(stdout)
  assert.deepEqual(rest, {
    ...{ first: true, last: false, anew: false },
    ...{ names: ['filler', 'lines.jsonl'], after: true },
  })
  assert.equal(read.at(-1), 10)
  assert.deepEqual(read.slice(0, -1), [...read.slice(0, -1).keys()], 'whole lines, in their order')
})

test('a file of before, cut off, is left as it is until it is written anew', async () => {
  const path = join(temporaryPath(), 'lines.jsonl')
  await mkdir(join(path, '..'))
  await writeFile(path, '{"n":1}\n{"n":')
  await using file = await LineFile.open({ path, log, what: 'lines' }, await LineFile.read(path))
  await file.append([{ n: 2 }])
  assert.deepEqual(await LineFile.read(path), [{ n: 1 }, { n: 2 }])
  assert.deepEqual(await readdir(join(path, '..')), ['lines.jsonl'])
})
