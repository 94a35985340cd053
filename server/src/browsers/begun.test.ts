import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const env = { WARM_BROWSERS: '0', MAX_SESSIONS: '2' }
const app = stack.use(await startApp({ browsers: true, env }))
const { sessions: node } = app.app.browsers!
const { host } = node

/** Browsers in whatever state, and sessions that the node tells of. */
const present = () => {
  const { claiming, claimed, warming, ready, ending } = host.facts()
  const browsers = claiming + claimed + warming + ready + ending
  return { browsers, sessions: node.facts.sessions.length }
}

const untilNothingIsLeft = () =>
  eventually('nothing is left', () => present().browsers === 0, 60_000)

/** Keeps rows of sessions from being written, until it is disposed of. */
async function holdRows(): Promise<AsyncDisposable> {
  const [isHeld, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const holding = app.app.systemContext().transaction(async ({ db }) => {
    await sql`lock table browser_sessions in exclusive mode`.execute(db)
    isHeld.resolve()
    await released.promise
  })
  await isHeld.promise
  return {
    [Symbol.asyncDispose]: async () => {
      released.resolve()
      await holding
    },
  }
}

test('a browser is launched while its row is written, and nobody is told of it before', async () => {
  const ann = await app.person()
  const endpoints: string[] = []
  host.onRunning(({ endpoint }) => {
    endpoints.push(endpoint)
    return { [Symbol.dispose]: () => {} }
  })
  const begin = async () => {
    await using _rows = await holdRows()
    const creating = ann.post('/v1/sessions')
    await eventually('its browser listens', () => endpoints.length === 1, 60_000)
    assert.deepEqual(present(), { browsers: 1, sessions: 0 })
    assert.equal(host.facts().claiming, 1)
    return { creating }
  }
  const { creating } = await begin()
  const { status, body } = await creating
  assert.deepEqual([status, body.status], [201, 'active'])
  assert.equal(endpoints.length, 1)
  assert.deepEqual(
    node.facts.sessions.map(({ id }) => id),
    [body.id],
  )
  const sum = await ann.post(`/v1/sessions/${body.id}/execute`, { script: '40 + 2' })
  assert.equal(sum.body.result, 42)
  const ended = await ann.delete(`/v1/sessions/${body.id}`)
  assert.deepEqual(ended.body.wipe, { processes: 0, directories: 0, sockets: 0 })
  assert.deepEqual(present(), { browsers: 0, sessions: 0 })
})

test('a browser whose row could not be written is ended, and its place is free again', async () => {
  const ann = await app.person()
  const grant = (words: string) =>
    app.app.systemContext().transaction(async ({ db }) => {
      await sql`set local role none`.execute(db)
      await sql.raw(`${words} gantry_app`).execute(db)
    })
  const begin = host.begin.bind(host)
  let begun = 0
  host.begin = (...order) => (begun++, begin(...order))
  await grant('revoke insert on browser_sessions from')
  const failed = await ann.post('/v1/sessions').finally(async () => {
    host.begin = begin
    await grant('grant insert on browser_sessions to')
  })
  assert.deepEqual([failed.status, begun], [500, 1])
  await untilNothingIsLeft()
  const made = await Promise.all([ann.post('/v1/sessions'), ann.post('/v1/sessions')])
  assert.deepEqual(
    made.map(({ status }) => status),
    [201, 201],
  )
  await Promise.all(made.map(({ body }) => ann.delete(`/v1/sessions/${body.id}`)))
})

test('of a node that stops between the two nothing is left', async () => {
  const identity = { viewport: { width: 1280, height: 720 } }
  const spec = { id: 'ses_begun', accountId: 'acc_x', identity, generation: 0 }
  const wanted = { ...spec, expiresAtMs: Date.now() + 60_000, idleSeconds: 60 }
  assert.ok(node.begin(wanted))
  assert.equal(host.facts().claiming, 1)
  await node.endAll()
  assert.deepEqual(present(), { browsers: 0, sessions: 0 })
  await assert.rejects(node.open(wanted), { name: 'NodeFull' })
  assert.equal(node.begin(wanted), undefined)
})
