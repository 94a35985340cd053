import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { processTable } from '../processes.ts'
import {
  becomeOrdinary,
  eventually,
  isRoot,
  Script,
  temporaryHome,
  temporaryPath,
} from '../test-support.ts'
import { ask, open, preparedHome, openElsewhere, processesOf, users } from './test-support.ts'

test('kill -9 in the middle of the first start leaves nothing half made', async () => {
  const home = await temporaryHome()
  using owner = openElsewhere(home)
  // It may be done before anybody sees it at work.
  const isMade = () => existsSync(join(home.postgres, 'data/PG_VERSION'))
  await eventually('initdb is at work', () => {
    return isMade() || processesOf(home).some((line) => line.includes('/initdb -D '))
  })
  owner.child.kill('SIGKILL')
  await once(owner.child, 'exit')

  await using postgres = await open(home)
  assert.equal(await ask(postgres.address, 'select 1'), 1)
  assert.deepEqual((await readdir(home.postgres)).sort(), ['data', 'socket'])
  assert.equal(
    processesOf(home).some((line) => line.includes('/initdb')),
    false,
  )
})

test('a path with spaces, quotes and commas serves', async () => {
  await using postgres = await open(await preparedHome(temporaryPath(` a,b"c'd`)))
  assert.equal(await ask(postgres.address, 'select 1'), 1)
})

test('where the path is too long for a socket, a short private directory stands in, and goes with the server', async () => {
  const home = await preparedHome(join(temporaryPath(), 'x'.repeat(100)))
  const postgres = await open(home)
  assert.match(postgres.address.host, /^\/tmp\/gantry-[0-9a-f]{16}$/)
  assert.equal((await stat(postgres.address.host)).mode & 0o777, 0o700)
  await postgres.stop()
  await assert.rejects(stat(postgres.address.host), { code: 'ENOENT' })
})

test('data of another major version is refused with what to do', async () => {
  const home = await temporaryHome()
  await mkdir(join(home.postgres, 'data'))
  await writeFile(join(home.postgres, 'data/PG_VERSION'), '17\n')
  await assert.rejects(open(home), /made by PostgreSQL 17 .* carries PostgreSQL 18.*DATABASE_URL/)
})

test('a lost password and a wrong one are told apart, at once', async () => {
  const home = await preparedHome()
  await (await open(home)).stop()
  const file = join(home.keys, 'postgres.password')
  const password = await readFile(file, 'utf8')
  await writeFile(file, 'of another database')
  await assert.rejects(open(home), /refuses the password in keys\/postgres\.password/)
  await rm(file)
  await assert.rejects(open(home), /postgres\.password is missing: restore it/)
  await writeFile(file, password)
  await using postgres = await open(home)
  assert.equal(await ask(postgres.address, 'select 1'), 1)
})

test('the old pid in the lock file may meanwhile be that of any program of the same user', async () => {
  const home = await preparedHome()
  const first = await open(home)
  const lock = join(home.postgres, 'data/postmaster.pid')
  const text = await readFile(lock, 'utf8')
  await first.stop()
  const stranger = spawn('sleep', ['60'], { uid: users.database?.uid, gid: users.database?.gid })
  try {
    await writeFile(lock, text.replace(/^\d+/, String(stranger.pid)), { mode: 0o600 })
    await using postgres = await open(home)
    assert.equal(await ask(postgres.address, 'select 1'), 1)
    assert.ok(processTable().some(({ pid, state }) => pid === stranger.pid && state !== 'Z'))
  } finally {
    stranger.kill('SIGKILL')
  }
})

test('a server log that has grown is put aside at the next start', async () => {
  const home = await preparedHome()
  await writeFile(join(home.logs, 'postgres.log'), '')
  await truncate(join(home.logs, 'postgres.log'), 11 * 1024 * 1024)
  await using _postgres = await open(home)
  assert.equal((await stat(join(home.logs, 'postgres.log.1'))).size, 11 * 1024 * 1024)
  assert.ok((await stat(join(home.logs, 'postgres.log'))).size < 100_000)
})

test('an ordinary user has a server of its own', async (t) => {
  if (!isRoot) return t.skip('needs root to become somebody else')
  using script = new Script(
    {
      pino: 'pino',
      Client: 'pg',
      openHome: './home.ts',
      EmbeddedPostgres: './postgres/embedded-postgres.ts',
    },
    `${becomeOrdinary}
     const home = await openHome({ wanted: '${temporaryPath()}', checkout: '/' })
     const postgres = await EmbeddedPostgres.open({ home, users: {}, log: pino({ level: 'silent' }) })
     const client = new Client(postgres.address)
     await client.connect()
     const { rows } = await client.query("select 42 as answer")
     await client.end()
     await postgres.stop()
     process.stdout.write(JSON.stringify(rows))`,
  )
  assert.equal(await script.output, '[{"answer":42}]')
})
