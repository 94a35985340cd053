import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import pg from 'pg'
import { ProblemCounts } from './index.ts'
import { databaseWithPeople, startProcess } from './test-support.ts'

const database = await databaseWithPeople()
after(() => database[Symbol.asyncDispose]())

const HOUR_MS = 60 * 60 * 1000
const NOON = Date.parse('2026-11-20T12:00:00Z')

/** Time of day that a test sets; durations are real. */
function clockAt(time: number) {
  const clock = { time, now: () => new Date(clock.time), monotonicMs: () => performance.now() }
  return clock
}

const missing = { code: 'tunnel.not_found', status: 404, route: '/api/v1/tunnels/:id' }
const broken = { code: 'server.error', status: 500, route: '/api/v1/tunnels/:id' }
const lost = { code: 'request.not_found', status: 404, route: 'none' }

test('problems are counted by code, route and hour, over all processes and flushes', async () => {
  const clock = clockAt(NOON + 5_000)
  await using app = await startProcess(database.address, { working: false, clock })
  await using other = new ProblemCounts(app.kernel.db, clock, app.kernel.log)
  for (let n = 0; n < 3; n++) app.counts.record(missing)
  other.record(missing)
  other.record(broken)
  other.record(broken)
  await Promise.all([app.counts.flush(), other.flush()])
  clock.time += 2 * HOUR_MS
  app.counts.record(missing)
  app.counts.record(lost)

  const { body } = await app.get('/v1/admin/errors?since=2026-11-20T12:30:00Z')
  assert.deepEqual(body, {
    since: '2026-11-20T12:00:00.000Z',
    until: '2026-11-20T14:00:05.000Z',
    total: 8,
    byCode: [
      { code: missing.code, status: 404, count: 5 },
      { code: broken.code, status: 500, count: 2 },
      { code: lost.code, status: 404, count: 1 },
    ],
    byRoute: [
      { route: missing.route, count: 7 },
      { route: 'none', count: 1 },
    ],
    trend: [
      { hour: '2026-11-20T12:00:00.000Z', count: 6, serverErrors: 2 },
      { hour: '2026-11-20T13:00:00.000Z', count: 0, serverErrors: 0 },
      { hour: '2026-11-20T14:00:00.000Z', count: 2, serverErrors: 0 },
    ],
  })
  const day = (await app.get('/v1/admin/errors')).body
  assert.equal(day.total, 8)
  assert.equal(day.trend.length, 25)
})

test('a span that is empty, backwards or too long is refused', async () => {
  await using app = await startProcess(database.address, { working: false })
  const status = async (query: string) => (await app.get(`/v1/admin/errors?${query}`)).status
  assert.equal(await status('since=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00Z'), 400)
  assert.equal(await status('since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z'), 400)
  assert.equal(await status('since=2020-01-01T00:00:00Z&until=2026-01-01T00:00:00Z'), 400)
  assert.equal(await status('since=yesterday'), 400)
  assert.equal(await status('since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z'), 200)
  assert.equal((await app.get('/v1/admin/errors', 'bob')).status, 403)
})

test('what the database would not take is kept for the next time, and the end loses nothing', async () => {
  const clock = clockAt(NOON - 48 * HOUR_MS)
  await using app = await startProcess(database.address, { working: false, clock })
  await asOwner('revoke insert on problem_counts from gantry_app')
  app.counts.record(missing)
  await assert.rejects(app.counts.flush(), /permission denied/)
  await asOwner('grant insert on problem_counts to gantry_app')
  app.counts.record(missing)
  await app.counts.flush()
  {
    await using other = new ProblemCounts(app.kernel.db, clock, app.kernel.log)
    other.record(missing)
  }
  const counted = app.kernel.db.selectFrom('problemCounts').where('hour', '=', clock.now())
  assert.deepEqual(await counted.select('count').execute(), [{ count: '3' }])
})

async function asOwner(statement: string): Promise<void> {
  const client = new pg.Client(database.address)
  await client.connect()
  await client.query(statement)
  await client.end()
}
