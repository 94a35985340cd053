import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { WebSocket } from 'ws'
import { eventually } from '#kernel/test-support.ts'
import { type Person, startApp } from '#test/app.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const env = { WARM_BROWSERS: '2', MAX_SESSIONS: '4' }
const app = stack.use(await startApp({ browsers: true, env }))
const { sessions: node } = app.app.browsers!
const { host } = node

const untilReady = () =>
  eventually('browsers are ready', async () => host.facts().ready === 2, 60_000)
const untilNoneEnds = () =>
  eventually('nothing is ending', async () => host.facts().ending === 0, 60_000)

/** The events of one session, each with the transaction that wrote it. */
async function eventsOf(id: string) {
  const { rows } = await sql<{ kind: string; xid: string; data: { warm?: boolean } }>`
    select kind, xid::text, data from events where data->>'id' = ${id} order by id`.execute(
    app.app.systemContext().db,
  )
  return rows
}

/** Runs one statement as the owner of the tables. */
function asOwner(statement: string): Promise<unknown> {
  return app.app.systemContext().transaction(async ({ db }) => {
    await sql`set local role none`.execute(db)
    await sql.raw(statement).execute(db)
  })
}

const create = async (person: Person, body: object = {}) => {
  await untilReady()
  return person.post('/v1/sessions', body)
}

test('a session that finds a browser ready is written down once, as active', async () => {
  const ann = await app.person()
  const { status, body } = await create(ann)
  assert.deepEqual([status, body.status], [201, 'active'])
  const [made, begun, ...more] = await eventsOf(body.id)
  assert.deepEqual([made!.kind, begun!.kind, more], ['session.created', 'session.started', []])
  assert.equal(begun!.data.warm, true)
  assert.equal(made!.xid, begun!.xid, 'one transaction')
  assert.ok(body.startTime)
  const sum = await ann.post(`/v1/sessions/${body.id}/execute`, { script: '40 + 2' })
  assert.equal(sum.body.result, 42)
  const ended = await ann.delete(`/v1/sessions/${body.id}`)
  assert.deepEqual(ended.body.wipe, { processes: 0, directories: 0, sockets: 0 })
})

test('a session that is to be recorded is active only once its recording has begun', async () => {
  const ann = await app.person()
  const { status, body } = await create(ann, { recording: { frames: false, network: true } })
  assert.deepEqual([status, body.status], [201, 'active'])
  const [made, begun] = await eventsOf(body.id)
  assert.equal(begun!.data.warm, true)
  assert.notEqual(made!.xid, begun!.xid)
  await ann.delete(`/v1/sessions/${body.id}`)
})

test('of many that come at once each gets a browser of its own, and nothing is left of any', async () => {
  const ann = await app.person()
  await untilReady()
  const made = await Promise.all([1, 2, 3, 4].map(() => ann.post('/v1/sessions')))
  assert.deepEqual(
    made.map(({ status }) => status),
    [201, 201, 201, 201],
  )
  const ids = made.map(({ body }) => body.id as string)
  const pids = new Set(ids.map((id) => host.get(id)?.pid))
  assert.equal(pids.size, 4)
  const kinds = await Promise.all(ids.map(eventsOf))
  const inOne = kinds.filter(([made, begun]) => made!.xid === begun!.xid)
  assert.ok(inOne.length <= 2, 'no more than there were ready')
  await Promise.all(ids.map((id) => ann.delete(`/v1/sessions/${id}`)))
  assert.equal(node.counts.active, 0)
})

test('a row that is refused costs no browser', async () => {
  const ann = await app.person()
  const root = await app.superAdmin()
  const limit = (value: number) =>
    root.put('/v1/admin/config', { 'browsers.sessions_per_account': value })
  await untilReady()
  const before = host.facts()
  await limit(1)
  const first = await ann.post('/v1/sessions')
  const launch = host.launch.bind(host)
  let asked = 0
  host.launch = (...order) => (asked++, launch(...order))
  const refused = await Promise.all([1, 2, 3].map(() => ann.post('/v1/sessions'))).finally(() => {
    host.launch = launch
  })
  assert.equal(asked, 0, 'none was claimed')
  assert.deepEqual(
    refused.map(({ body }) => body.code),
    Array(3).fill('session.account_limit_reached'),
  )
  assert.equal(host.facts().claimed, before.claimed + 1)
  assert.equal(host.facts().ending, 0)
  await ann.delete(`/v1/sessions/${first.body.id}`)
  await limit(100)
})

test('the browser of a row that could not be written is ended, and its place is free again', async () => {
  const ann = await app.person()
  await untilReady()
  await asOwner('revoke insert on browser_sessions from gantry_app')
  const failed = await ann.post('/v1/sessions').finally(() => {
    return asOwner('grant insert on browser_sessions to gantry_app')
  })
  assert.equal(failed.status, 500)
  await untilNoneEnds()
  assert.deepEqual([host.facts().claimed, node.counts.active, node.facts.sessions], [0, 0, []])
  const { status, body } = await create(ann)
  assert.equal(status, 201)
  await ann.delete(`/v1/sessions/${body.id}`)
})

test('a ready browser that is gone when it is claimed is replaced by another one', async () => {
  const ann = await app.person()
  await untilReady()
  const launch = host.launch.bind(host)
  let lost = 0
  host.launch = async (id, ...more) => {
    if (lost++ > 0) return launch(id, ...more)
    const browser = await launch(id, ...more)
    await host.end(browser.sessionId)
    throw new Error('the browser has ended')
  }
  const { status, body } = await ann.post('/v1/sessions').finally(() => (host.launch = launch))
  assert.deepEqual([status, body.status, lost], [201, 'active', 2])
  const [made, begun] = await eventsOf(body.id)
  assert.notEqual(made!.xid, begun!.xid)
  await ann.delete(`/v1/sessions/${body.id}`)
})

test('while its row is not written, nobody is told of a session, and nobody misses its row', async () => {
  const ann = await app.person()
  await untilReady()
  const { accountId } = ann
  // Creates of one account wait here for each other; the row comes after that.
  const held = Promise.withResolvers<void>()
  const isHeld = Promise.withResolvers<void>()
  const locking = app.app.systemContext().transaction(async ({ db }) => {
    await sql`lock table browser_sessions in exclusive mode`.execute(db)
    isHeld.resolve()
    await held.promise
  })
  await isHeld.promise
  const creating = ann.post('/v1/sessions')
  await eventually('its browser is claimed', async () => host.facts().claimed === 1)
  assert.deepEqual(node.facts.sessions, [])
  held.resolve()
  await locking
  const { status, body } = await creating
  assert.deepEqual([status, body.accountId], [201, accountId])
  assert.deepEqual(
    node.facts.sessions.map(({ id }) => id),
    [body.id],
  )
  await ann.delete(`/v1/sessions/${body.id}`)
})

test('the first client of a session needs no database, and a wrong address still opens nothing', async () => {
  const ann = await app.person()
  const { body } = await create(ann)
  const opens = (url: string) =>
    new Promise<boolean>((resolve) => {
      const socket = new WebSocket(url)
      socket.once('open', () => resolve((socket.terminate(), true)))
      socket.once('error', () => resolve(false))
    })
  await asOwner('revoke select on browser_sessions from gantry_app')
  const answers = await Promise.all([
    opens(body.cdpUrl),
    opens(body.liveUrl),
    opens(`${body.cdpUrl.slice(0, -4)}AAAA`),
    opens(body.cdpUrl.replace('/cdp/', '/live/')),
  ]).finally(() => asOwner('grant select on browser_sessions to gantry_app'))
  assert.deepEqual(answers, [true, true, false, false])

  const changed = await ann.patch(`/v1/sessions/${body.id}`, { revokeUrls: true })
  assert.deepEqual([await opens(body.cdpUrl), await opens(changed.body.cdpUrl)], [false, true])
  await ann.delete(`/v1/sessions/${body.id}`)
  assert.equal(await opens(changed.body.cdpUrl), false)
})
