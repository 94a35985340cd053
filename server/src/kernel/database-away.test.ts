import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { after, test } from 'node:test'
import pg from 'pg'
import pino from 'pino'
import { cloneDatabase } from '#test/database.ts'
import { parseDatabaseUrl } from './db.ts'
import { toProblem } from './http/failures.ts'
import { type Migration, migrate } from './migrate.ts'
import { eventually } from './test-support.ts'

const database = await cloneDatabase()
after(() => database[Symbol.asyncDispose]())

test('a server that goes away in the middle of a migration fails it, and not the process', async () => {
  await using stack = new AsyncDisposableStack()
  const other = new pg.Client(database.address)
  await other.connect()
  stack.defer(() => other.end())
  const slow: Migration = { version: 1, name: 'slow', sql: 'select pg_sleep(60)', checksum: '' }
  await other.query('delete from schema_migrations')
  const log = pino({ level: 'silent' })
  const running = migrate({ address: database.address, migrations: [slow], log })
  running.catch(() => {})
  await eventually('it runs', async () => {
    const { rowCount } = await other.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query like '%pg_sleep(60)%' and pid <> pg_backend_pid()`,
    )
    return rowCount
  })
  await assert.rejects(running, /migration 1 \(slow\) failed/)
})

test('a connection that the server resets is told as a database that is away', async () => {
  const server = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'me', database: 'x' })
  const error: NodeJS.ErrnoException = await client.connect().catch((error) => error)
  assert.deepEqual([error.code, error.syscall], ['ECONNRESET', 'read'])
  assert.equal(toProblem(error).code, 'server.unavailable')
  const pipe = Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' })
  assert.equal(toProblem(pipe).status, 503)
  const file = Object.assign(new Error('no such file'), { code: 'ENOENT', syscall: 'open' })
  assert.equal(toProblem(file).status, 500)
  server.close()
})

test('an address may be that of IPv6', () => {
  const { host, port } = parseDatabaseUrl('postgres://me@[::1]:5433/gantry')
  assert.deepEqual([host, port], ['::1', 5433])
})
