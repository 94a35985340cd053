import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import pg from 'pg'
import { eventually } from '#kernel/test-support.ts'
import { plainManifest } from '../manifest.ts'
import { ServerHome } from './process.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())

/** In every secret that is planted, and nowhere else. */
const CANARY = 'c4n4ry7e'
const PASSWORD = `violet-${CANARY}-tractor-umbrella`
const JWT = `eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ${CANARY}.${CANARY}`

/** A server that keeps what it was sent, and answers with a failure that holds secrets. */
async function keepAll() {
  const kept: Buffer[] = []
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => kept.push(chunk))
    request.on('end', () => {
      if (request.url!.includes('/v1/traces')) return void response.end('{}')
      const said = `password=${CANARY} Authorization: Bearer ${CANARY} https://ann:${CANARY}@up/?token=${CANARY}`
      const xml = `<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>${said}</Message></Error></Errors></Response>`
      response.writeHead(403, { 'content-type': 'text/xml' }).end(xml)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  stack.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, text: () => Buffer.concat(kept).toString('latin1') }
}

const collector = await keepAll()
const upstream = await keepAll()
const home = stack.use(await ServerHome.make())
const server = stack.use(
  await home.start({
    ...{ ROLES: 'api,worker', LOG_LEVEL: 'trace', LOG_FILES: 'on', LOCAL_NODES: 'off' },
    ...{ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER_ARG: '1' },
    ...{ EC2_REGION: 'eu-central-1', EC2_AMI: 'ami-1', EC2_ENDPOINT: upstream.url },
    ...{ AWS_ACCESS_KEY_ID: 'AKIATEST', AWS_SECRET_ACCESS_KEY: CANARY },
    METRICS_TOKEN: `${CANARY}-metrics-token`,
  }),
)
await server.ready()

/** Without `apiKey`, for which a request is not traced at all. */
const secretQuery = ['token', 'access_token', 'password', 'secret', 'code', 'state', 'signature']
  .map((name) => `${name}=${CANARY}`)
  .join('&')
const secretMembers = {
  ...{ password: PASSWORD, newPassword: PASSWORD, token: CANARY, refreshToken: CANARY },
  ...{ secret: CANARY, apiKey: `gk_live_${CANARY}`, card: { number: CANARY }, code: CANARY },
  proxy: { url: 'http://proxy.example:3128', username: 'ann', password: CANARY },
}
const secretHeaders = {
  cookie: `sid=${CANARY}; __Host-refresh=${CANARY}`,
  'x-api-key': CANARY,
  'proxy-authorization': `Basic ${Buffer.from(`ann:${CANARY}`).toString('base64')}`,
}

interface Call {
  body?: unknown
  headers?: Record<string, string>
}

async function call(method: string, path: string, { body, headers = {} }: Call = {}) {
  const response = await fetch(server.url + path, {
    method,
    redirect: 'manual',
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  })
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : undefined }
}

async function openDatabase() {
  const address = JSON.parse(await readFile(join(home.path, 'run/postgres.json'), 'utf8'))
  const client = new pg.Client(address)
  await client.connect()
  stack.defer(() => client.end())
  return client
}

/** Someone who may do everything, with secrets of their own. */
async function signUp() {
  const [, setup] = /#setup=([\w-]+)/.exec(server.output) ?? []
  const email = 'root@example.test'
  const { body } = await call('POST', '/api/v1/auth/bootstrap', {
    body: { token: setup, email, password: PASSWORD },
  })
  const authorization = `Bearer ${body.accessToken}`
  const key = await call('POST', '/api/v1/api-keys', {
    body: { name: 'a key', scopes: ['sessions.read'] },
    headers: { authorization },
  })
  const join = await call('POST', '/api/v1/fleet/join-tokens', {
    body: { name: 'test' },
    headers: { authorization },
  })
  const minted = [body.accessToken, body.refreshToken, key.body.key, join.body.token]
  assert.ok(minted.every((secret) => typeof secret === 'string' && secret.length > 20))
  return { authorization, minted: minted as string[] }
}

/** Ending these would end the test. */
const SPARED = new Set(['/v1/auth/logout', '/v1/admin/signing-keys/rotate'])

/** Every route of the product, three times: by a stranger, by a stranger with secrets, by one who may do everything. */
async function visitAll(authorization: string): Promise<number> {
  const routes = plainManifest()
    .flatMap(({ routes = [] }) => routes)
    .filter(({ path }) => !SPARED.has(path))
  const visits = routes.flatMap(({ method, path, examples }) => {
    const served = path.startsWith('/v1/') ? `/api${path}` : path
    const filled = served.replaceAll(/:\w+/g, 'x_1')
    const example = (examples as { body?: object } | undefined)?.body ?? {}
    return [undefined, `Bearer ${JWT}`, authorization].map((bearer) => async () => {
      const headers = { ...secretHeaders, ...(bearer && { authorization: bearer }) }
      const body =
        method === 'GET' || method === 'DELETE' ? undefined : { ...example, ...secretMembers }
      await call(method, `${filled}?${secretQuery}`, { headers, body })
      await call(method, filled, { headers, body })
    })
  })
  const total = visits.length
  const visitor = async () => {
    for (let visit = visits.shift(); visit; visit = visits.shift()) await visit()
  }
  await Promise.all(Array.from({ length: 8 }, visitor))
  return total
}

/** The bytes as they are, without a client that would put them right. */
async function sendRaw(text: string): Promise<void> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  socket.end(text, 'latin1')
  socket.resume()
  await new Promise((done) => socket.once('close', done))
}

/** All that the product has written anywhere, but for what is sealed and what a session's history keeps. */
async function sinks(database: pg.Client): Promise<Record<string, string>> {
  const logs = join(home.path, 'logs')
  const files = await Promise.all(
    (await readdir(logs)).map(async (name) => [name, await readFile(join(logs, name), 'utf8')]),
  )
  const tables = await database.query(`select table_schema || '.' || table_name as name
    from information_schema.tables where table_type = 'BASE TABLE'
      and table_schema in ('public', 'pgboss')`)
  const dumped: [string, string][] = []
  for (const { name } of tables.rows) {
    const { rows } = await database.query(
      `select string_agg(t::text, e'\\n') as text from ${name} t`,
    )
    dumped.push([name, rows[0].text ?? ''])
  }
  // The link that makes the first super-admin is printed once, for a person to follow.
  const console = server.output.replaceAll(/#setup=[\w-]+/g, '')
  return { ...Object.fromEntries([...files, ...dumped]), console, traces: collector.text() }
}

test('T63, T64: no planted secret gets into a log, trace, event or table, and every line is one', async () => {
  const { authorization, minted } = await signUp()
  const database = await openDatabase()
  const visits = await visitAll(authorization)
  assert.ok(visits > 200, `${visits} visits`)
  for (const path of ['/cdp', '/live'].map((at) => `${at}/ses_1/${CANARY}`)) await call('GET', path)
  await call('GET', `/cdp?apiKey=gk_live_${CANARY}`)
  await call('GET', `/nowhere/at/all?access_token=${CANARY}#token=${CANARY}`)
  await call('POST', '/api/v1/fleet/instances', {
    body: { provider: 'ec2' },
    headers: { authorization },
  })
  const forged = `\\n{"level":"fatal","msg":"forged"}`
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  const host = `Host: 127.0.0.1\r\nAuthorization: Bearer ${JWT}\r\nCookie: sid=${CANARY}\r\n`
  await sendRaw(`GET /cdp/ses_1/${CANARY} HTTP/1.1\r\n${host}${upgrade}${key}\r\n`)
  await sendRaw(`GET /cdp?apiKey=${CANARY} HTTP/1.1\r\n${host}${upgrade}${key}\r\n`)
  await sendRaw(`GET /x?token=${CANARY} HTTP/9.9\r\n${host}\r\n`)
  await sendRaw(`GET /%0a%7b?a=%1b[31m HTTP/1.1\r\n${host}User-Agent: \xe2\x80\xa8\r\n\r\n`)
  await sendRaw(`GET /api/v1/users/me HTTP/1.1\r\n${host}User-Agent: a\x1b[31mb\r\n\r\n`)
  await sendRaw(
    `GET /api/v1/users/me HTTP/1.1\r\n${host}User-Agent: ${'u'.repeat(1_000_000)}\r\n\r\n`,
  )
  await call('POST', '/api/v1/auth/login', {
    body: { email: `a${forged}\u2028\u001b[31m@example.test`, password: PASSWORD },
    headers: { 'user-agent': 'u'.repeat(10_000) },
  })
  await eventually(
    'spans were sent',
    () => collector.text().includes('/users/me') && collector.text().includes('/auth/login'),
  )

  const read = await sinks(database)
  const leaks = Object.entries(read).flatMap(([name, text]) =>
    [CANARY, ...minted]
      .map((secret) => text.indexOf(secret))
      .filter((at) => at >= 0)
      .map((at) => `${name}: ${text.slice(Math.max(0, at - 200), at + 60)}`),
  )
  assert.deepEqual(leaks, [])
  const lines = read['combined.log']!.split('\n').filter(Boolean)
  assert.ok(lines.length > visits, 'each request has its line')
  for (const line of lines) {
    const { level } = JSON.parse(line) as { level: string }
    assert.ok(['trace', 'debug', 'info', 'warn', 'error', 'fatal'].includes(level))
    assert.ok(!/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/u.test(line), line)
    assert.ok(line.length < 20_000, `${line.length} characters`)
  }
  assert.ok(!lines.some((line) => JSON.parse(line).msg === 'forged'))
})
