import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import pg from 'pg'
import { sql } from 'kysely'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { SERVER_VARIABLE } from '#test/database.ts'

const TOKEN = 'a-token-of-the-scraper'
const app = await startApp({ env: { METRICS_TOKEN: TOKEN } })
after(() => app[Symbol.asyncDispose]())

const get = (path: string, headers?: Record<string, string>) =>
  app.request('GET', path, { headers })

test('health shows every check of the manifests, and each of them alone', async () => {
  const { status, body } = await get('/health')
  assert.equal(status, 200)
  assert.equal(body.status, 'ok', JSON.stringify(body.checks))
  assert.ok(Number.isInteger(body.uptimeSeconds))
  assert.ok(body.roles.includes('api'))
  const names = app.app.capabilities.flatMap(({ checks = [] }) => checks.map(({ name }) => name))
  assert.deepEqual(Object.keys(body.checks).sort(), names.sort())
  for (const name of ['database', 'objects', 'queue', 'events']) {
    const one = await get(`/health/${name}`)
    assert.equal(one.status, 200)
    assert.equal(one.body.status, 'ok', `${name}: ${one.body.detail}`)
  }
  assert.deepEqual((await get('/health/live')).body, { status: 'ok' })
  assert.deepEqual((await get('/health/ready')).body, { status: 'ok' })
  const unknown = await get('/health/moon')
  assert.equal(unknown.status, 404)
  assert.equal(unknown.body.code, 'health.unknown_check')
  assert.ok(unknown.body.suggestion.includes('database'))
})

test('a credential that has gone bad closes no public route', async () => {
  for (const path of ['/health', '/health/ready', '/api/openapi.json', '/', '/metrics']) {
    assert.equal((await get(path, { authorization: 'Bearer expired' })).status, 200, path)
  }
})

test('metrics are for this machine and for the token', async () => {
  const { status, headers, body } = await get('/metrics')
  assert.equal(status, 200)
  assert.match(headers.get('content-type')!, /^text\/plain; version=0\.0\.4/)
  assert.match(String(body), /^gantry_http_request_duration_seconds_count\{.*route="\/health"/m)
  const forwarded = { 'x-forwarded-for': '203.0.113.9' }
  const refused = await get('/metrics', forwarded)
  assert.equal(refused.status, 403)
  assert.equal(refused.body.code, 'metrics.forbidden')
  const wrong = await get('/metrics', { ...forwarded, authorization: 'Bearer wrong' })
  assert.equal(wrong.status, 403)
  const right = await get('/metrics', { ...forwarded, authorization: `Bearer ${TOKEN}` })
  assert.equal(right.status, 200)
})

test('every problem code has its place in the catalogue, where its type leads', async () => {
  const { body } = await get('/api/docs/errors')
  const page = String(body)
  const codes = app.app.capabilities.flatMap(({ problems = {} }) =>
    Object.values(problems).map(({ kind }) => kind.code),
  )
  assert.ok(codes.includes('request.invalid') && codes.length > 20)
  for (const code of codes) assert.ok(page.includes(`id="${code}"`), code)
  const problem = await get('/nowhere')
  assert.equal(problem.body.type, '/api/docs/errors#request.not_found')
})

test('the documentation is served whole, and again only when it has changed', async () => {
  const moved = await get('/api-docs')
  assert.equal(moved.status, 308)
  assert.equal(moved.headers.get('location'), '/api/docs')
  const document = await get('/api/openapi.json')
  assert.equal(document.body.openapi, '3.1.0')
  assert.ok(document.body.paths['/health'])
  for (const path of ['/api/openapi.json', '/', '/console/app.js', '/api/docs/scalar.js']) {
    const first = await get(path)
    assert.equal(first.status, 200, path)
    const etag = first.headers.get('etag')!
    assert.equal((await get(path, { 'if-none-match': etag })).status, 304, path)
  }
  for (const file of ['package.json', '..%2fpackage.json', 'constructor', 'nothing.js']) {
    assert.equal((await get(`/console/${file}`)).status, 404, file)
  }
})

test('while the database is away health tells so and traffic is kept away, and both recover', async () => {
  await using other = await startApp()
  const answer = (path: string) => other.request('GET', path)
  assert.equal((await answer('/health/ready')).status, 200)
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(
    other.app.systemContext().db,
  )
  const allow = (allowed: boolean) => allowConnections(rows[0]!.name, allowed)
  await allow(false)
  try {
    const failing = await eventually('health fails', async () => {
      const { status, body } = await answer('/health')
      return status === 503 && body
    })
    assert.equal(failing.status, 'failing')
    assert.equal(failing.checks.database.status, 'failing')
    assert.equal(failing.checks.objects.status, 'ok')
    const ready = await answer('/health/ready')
    assert.equal(ready.status, 503)
    assert.equal(ready.body.code, 'health.not_ready')
    assert.match(ready.body.detail, /database/)
    assert.equal((await answer('/health/database')).status, 503)
    assert.equal((await answer('/health/live')).status, 200)
  } finally {
    await allow(true)
  }
  await eventually('health recovers', async () => (await answer('/health')).body.status === 'ok')
  assert.equal((await answer('/health/ready')).status, 200)
})

async function allowConnections(database: string, allowed: boolean): Promise<void> {
  const client = new pg.Client(JSON.parse(process.env[SERVER_VARIABLE]!))
  await client.connect()
  await client.query(`alter database ${database} with allow_connections ${allowed}`)
  if (!allowed) {
    await client.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1',
      [database],
    )
  }
  await client.end()
}
