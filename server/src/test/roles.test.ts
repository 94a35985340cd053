import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import pg from 'pg'
import type { DatabaseAddress } from '#kernel/db.ts'
import { openHome } from '#kernel/home.ts'
import { readAddress } from '#kernel/postgres/address.ts'
import { eventually } from '#kernel/test-support.ts'
import { findUsers } from '#kernel/unprivileged.ts'
import { cloneDatabase } from './database.ts'
import { servePages } from './page-server.ts'
import { ServerHome, type ServerProcess } from './process.ts'

const GANTRY = join(import.meta.dirname, '../../../cli/bin/gantry.mjs')
const ROOT = { email: 'root@example.test', password: 'plum-harbour-quiet-lantern-93' }
/** A recovery action whose work is one statement on a table of its own, so that a lock of the table holds it up. */
const ACTION = 'purge-idempotency-keys'

function databaseUrl({ host, port, user, password = '', database }: DatabaseAddress): string {
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`
  return `postgres://${login}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`
}

/** A connection of the table's owner that may hold up the action. */
async function openOwner(address: DatabaseAddress) {
  const client = new pg.Client(address)
  client.on('error', () => {})
  await client.connect()
  return {
    rows: async (text: string) => (await client.query(text)).rows,
    holdUp: () => client.query('begin; lock table idempotency_keys in access exclusive mode'),
    letGo: () => client.query('commit'),
    isHeldUp: async () =>
      (await client.query('select from pg_locks where not granted')).rows.length > 0,
    [Symbol.asyncDispose]: () => client.end().catch(() => {}),
  }
}

async function createAdmin(home: ServerHome, env: Record<string, string> = {}): Promise<void> {
  const args = [GANTRY, 'admin', 'create', '--email', ROOT.email, '--password', ROOT.password]
  const around = { PATH: process.env.PATH, HOME: process.env.HOME, GANTRY_HOME: home.path, ...env }
  await promisify(execFile)(process.execPath, args, { env: around, timeout: 120_000 })
}

// A test knows what it asked for.
// oxlint-disable-next-line typescript/no-explicit-any
type Body = any

async function call(
  server: ServerProcess,
  method: string,
  path: string,
  { token, body }: { token?: string; body?: unknown } = {},
): Promise<{ status: number; body: Body }> {
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token && { authorization: `Bearer ${token}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: await response.json() }
}

async function signIn(server: ServerProcess): Promise<string> {
  return (await call(server, 'POST', '/auth/login', { body: ROOT })).body.accessToken
}

async function startAction(server: ServerProcess, token: string): Promise<string> {
  const { status, body } = await call(server, 'POST', `/admin/recovery/${ACTION}`, { token })
  assert.equal(status, 202, JSON.stringify(body))
  return body.operationId
}

test('over a PostgreSQL of others, SIGTERM lets a job finish and does not wait for a page that never comes', async () => {
  await using database = await cloneDatabase()
  await using home = await ServerHome.make()
  await using owner = await openOwner(database.address)
  let asked = false
  await using pages = await servePages(() => (asked = true))
  const env = { DATABASE_URL: databaseUrl(database.address), SHUTDOWN_SECONDS: '15' }
  await createAdmin(home, env)
  await using server = await (await home.start(env)).ready()
  const token = await signIn(server)
  const { body: session } = await call(server, 'POST', '/sessions', { token })
  const url = `${pages.url}/never`
  const never = call(server, 'POST', '/browser/navigate', {
    token,
    body: { url, timeoutMs: 120_000 },
  })
  never.catch(() => {})
  await eventually('the page was asked for', () => asked)
  await owner.holdUp()
  const id = await startAction(server, token)
  await eventually('the job runs', owner.isHeldUp)

  server.signal('SIGTERM')
  await eventually('it says so', () => server.output.includes('stopping'))
  const stoppingMs = performance.now()
  await owner.letGo()
  assert.deepEqual(await server.ended, { code: 0, signal: null })
  assert.ok(performance.now() - stoppingMs < 60_000, 'long before the page would have come')
  assert.deepEqual(home.processes(), [], 'nothing runs any more')
  const [operation] = await owner.rows(`select status from operations where id = '${id}'`)
  assert.equal(operation.status, 'succeeded')
  const [row] = await owner.rows(
    `select status, end_reason, wipe from browser_sessions where id = '${session.id}'`,
  )
  assert.deepEqual(row, {
    ...{ status: 'closed', end_reason: 'server_stopped' },
    wipe: { processes: 0, directories: 0, sockets: 0 },
  })
})

test('api and worker are two processes: a job of a killed worker runs again in the next, and each stops alone', async () => {
  await using home = await ServerHome.make()
  await using early = await home.start({ ROLES: 'worker' })
  assert.equal((await early.ended).code, 1)
  assert.match(early.output, /No PostgreSQL runs on .* role api/)

  await createAdmin(home)
  await using api = await (await home.start({ ROLES: 'api,node' })).ready()
  const opened = await openHome({
    ...{ wanted: home.path, checkout: home.path, users: await findUsers() },
  })
  await using owner = await openOwner(await readAddress(opened))
  const token = await signIn(api)
  await owner.holdUp()
  const id = await startAction(api, token)

  await using first = await home.start({ ROLES: 'worker' })
  await eventually('the first worker has the job', owner.isHeldUp)
  await using rival = await home.start({ ROLES: 'worker' })
  assert.equal((await rival.ended).code, 1)
  assert.match(rival.output, /already runs the role worker/)
  first.signal('SIGKILL')
  await first.ended
  await using second = await home.start({ ROLES: 'worker' })
  await owner.letGo()
  const read = async () => (await call(api, 'GET', `/admin/recovery/${id}`, { token })).body
  const ended = await eventually(
    'the second has done it',
    async () => (await read()).status === 'succeeded' && read(),
    90_000,
  )
  assert.equal(ended.status, 'succeeded')

  await owner[Symbol.asyncDispose]()
  api.signal('SIGTERM')
  assert.deepEqual(await api.ended, { code: 0, signal: null })
  await eventually('the worker misses the database', () => second.output.includes('was lost'))
  second.signal('SIGTERM')
  assert.deepEqual(await second.ended, { code: 0, signal: null })
  assert.deepEqual(home.processes(), [], 'nothing runs any more')
})
