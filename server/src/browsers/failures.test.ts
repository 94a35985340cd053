import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { startTicks } from '#kernel/processes.ts'
import { eventually } from '#kernel/test-support.ts'
import { type Person, startApp, type TestApp } from '#test/app.ts'
import { serveHtml } from '#test/page-server.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const app = stack.use(await startApp({ browsers: true }))
const pages = stack.use(await serveHtml('<title>A page</title>'))

const nodeOf = ({ app }: TestApp) => app.browsers!.sessions
const CLEAN = { processes: 0, directories: 0, sockets: 0 }

/** Runs one statement as the owner of the tables. */
function asOwner({ app }: TestApp, statement: string): Promise<unknown> {
  return app.systemContext().transaction(async ({ db }) => {
    await sql`set local role none`.execute(db)
    await sql.raw(statement).execute(db)
  })
}

/** From now on the database refuses every change of a session. */
const freeze = (app: TestApp) => asOwner(app, 'revoke update on browser_sessions from gantry_app')
const thaw = (app: TestApp) => asOwner(app, 'grant update on browser_sessions to gantry_app')

/** Sends a request whose client may go away. */
function send(app: TestApp, { accessToken }: Person, path: string, body = {}, key?: string) {
  const gone = new AbortController()
  const answered = fetch(`${app.url}/api${path}`, {
    method: 'POST',
    signal: gone.signal,
    headers: {
      authorization: `Bearer ${accessToken}`,
      'content-type': 'application/json',
      ...(key && { 'idempotency-key': key }),
    },
    body: JSON.stringify(body),
  })
  return { answered, leave: () => (gone.abort(), answered.catch(() => {})) }
}

/** The session whose browser is the next to be launched, as soon as that begins. */
function nextLaunch(app: TestApp): Promise<string> {
  const { host } = nodeOf(app)
  const launch = host.launch.bind(host)
  return new Promise((resolve) => {
    host.launch = (id, ...more) => {
      host.launch = launch
      resolve(id)
      return launch(id, ...more)
    }
  })
}

test('what PostgreSQL cannot keep of one command spoils the history of no other', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  const run = (script: string) => ann.post(`/v1/sessions/${body.id}/execute`, { script })
  const scripts = [`'a\\0b'`, `'half \\ud800'`, `throw new Error('a\\0b')`, '40 + 2']
  for (const script of scripts) await run(script)
  const { items } = (await ann.get(`/v1/sessions/${body.id}/commands`)).body
  const kept = items.map((command: { params: { script: string } }) => command.params.script)
  assert.deepEqual(kept.toReversed(), scripts)
  assert.equal(items.at(-1).result.result, 'a\ufffdb')
})

test('two ends at once both answer with what the end came to', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  const end = () => ann.delete(`/v1/sessions/${body.id}`)
  for (const answer of await Promise.all([end(), end()])) {
    assert.deepEqual([answer.body.status, answer.body.wipe], ['closed', CLEAN])
  }
})

test('a create that ends before its browser is up says so', async () => {
  const ann = await app.person()
  const launching = nextLaunch(app)
  const creating = ann.post('/v1/sessions')
  const ended = await ann.delete(`/v1/sessions/${await launching}`)
  assert.deepEqual([ended.body.endReason, ended.body.wipe], ['asked', CLEAN])
  const answer = await creating
  assert.deepEqual([answer.status, answer.body.code], [409, 'session.closed'])
})

test('a client that went away while its browser started may try again with the same key', async () => {
  const ann = await app.person()
  const launching = nextLaunch(app)
  const first = send(app, ann, '/v1/sessions', {}, 'again')
  const id = await launching
  await first.leave()
  const made = await eventually('it is made', async () => {
    const answer = await ann.post('/v1/sessions', {}, { 'idempotency-key': 'again' })
    return answer.status === 201 && answer
  })
  assert.equal(made.body.status, 'active')
  assert.notEqual(made.body.id, id)
})

test('a flat session that several wait for opens although the first of them went away', async () => {
  const ann = await app.person()
  const launching = nextLaunch(app)
  const first = send(app, ann, '/v1/browser/navigate', { url: pages.url })
  await launching
  const second = ann.post('/v1/browser/navigate', { url: pages.url })
  await first.leave()
  const answer = await second
  assert.deepEqual([answer.status, answer.body.title], [200, 'A page'])
})

test('a session that the database would not start leaves no browser, and ends once it can', async () => {
  await using app = await startApp({ browsers: true })
  const ann = await app.person()
  await freeze(app)
  assert.equal((await ann.post('/v1/sessions')).status, 500)
  assert.equal((await nodeOf(app).host.check()).detail, '0 of 0 browsers answer')
  await thaw(app)
  const ended = await eventually('it has ended', async () => {
    const { items } = (await ann.get('/v1/sessions')).body
    return items[0].wipe && items[0]
  })
  assert.deepEqual([ended.status, ended.endReason, ended.wipe], ['error', 'lost', CLEAN])
})

test('a browser lost while the database is away ends its session once it is back', async () => {
  await using app = await startApp({ browsers: true })
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  await freeze(app)
  process.kill(nodeOf(app).host.get(body.id)!.pid, 'SIGKILL')
  await eventually('it is lost', () => !nodeOf(app).host.get(body.id))
  assert.equal((await ann.get(`/v1/sessions/${body.id}`)).body.status, 'active')
  await thaw(app)
  const read = async () => (await ann.get(`/v1/sessions/${body.id}`)).body
  const ended = await eventually('it has ended', async () => (await read()).wipe && read())
  assert.deepEqual([ended.endReason, ended.wipe], ['crashed', CLEAN])
})

test('a place is free once its browser is gone, and not before', async () => {
  await using app = await startApp({ browsers: true, env: { MAX_SESSIONS: '1' } })
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  const { pid } = nodeOf(app).host.get(body.id)!
  const ending = ann.delete(`/v1/sessions/${body.id}`)
  const refusals = new Set<string>()
  await eventually('a place is free', async () => {
    const answer = await ann.post('/v1/sessions', { queueTimeoutSeconds: 0 })
    if (answer.status !== 201) refusals.add(answer.body.code)
    return answer.status === 201
  })
  assert.equal(startTicks(pid), undefined, 'its process has ended')
  refusals.delete('session.limit_reached')
  assert.equal(refusals.size, 0, [...refusals].join())
  assert.deepEqual((await ending).body.wipe, CLEAN)
})

test('the end of the process ends what is starting, and what the database cannot be told of', async () => {
  await using app = await startApp({ browsers: true })
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  const launching = nextLaunch(app)
  const creating = ann.post('/v1/sessions')
  await launching
  await freeze(app)
  await app.app.browsers!.endAll()
  assert.notEqual((await creating).status, 201)
  assert.equal(nodeOf(app).host.get(body.id), undefined)
  assert.equal((await nodeOf(app).host.check()).detail, '0 of 0 browsers answer')
  const refused = await ann.post('/v1/sessions', { queueTimeoutSeconds: 0 })
  assert.equal(refused.status, 429, 'and nothing new is started')
  await thaw(app)
})
