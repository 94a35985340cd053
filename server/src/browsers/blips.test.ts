import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import pg from 'pg'
import { eventually } from '#kernel/test-support.ts'
import { cloneDatabase } from '#test/database.ts'
import { LOCK_WAITS } from '#test/lock-waits.ts'
import { endSession } from './service.ts'
import { addAccount, ForwardClock, TestDesk, TestNode } from './test-places.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const { address } = stack.use(await cloneDatabase())
const ANN = 'acc_ann'

const node = new TestNode('ins_1', 0)
const desk = stack.use(await TestDesk.open(address, new ForwardClock(), [node]))
await addAccount(desk.kernel, ANN)
const ctx = desk.system(ANN)
const operator = new pg.Client(address)
await operator.connect()
stack.defer(() => operator.end())

/** Ends every connection to the database but the operator's own. Returns how many there were. */
async function cut(): Promise<number> {
  const { rowCount } = await operator.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`,
  )
  return rowCount ?? 0
}

const statuses = async (): Promise<string[]> => {
  const { rows } = await operator.query('select status from browser_sessions order by created_at')
  return rows.map(({ status }) => status)
}

test('creates that wait get their places although the database is lost again and again', async () => {
  desk.start()
  const wish = { queueTimeoutSeconds: 600 }
  const creating = Promise.all(Array.from({ length: 6 }, () => desk.create(ANN, wish)))
  creating.catch(() => {})
  const allWait = async () => (await statuses()).filter((one) => one === 'queued').length === 6
  await eventually('all wait', allWait, 60_000)
  let cuts = 0
  for (let places = 1; places <= 6; places++) {
    let nextCutMs = 0
    const isNext = async () => {
      if (performance.now() > nextCutMs) {
        cuts += await cut()
        // A busy machine needs as long to write something down.
        nextCutMs = performance.now() + 1_000
      }
      return node.begun.length >= places
    }
    node.places = places
    desk.runtime.onPlace()
    await eventually('the next one starts', isNext, 60_000)
  }
  const sessions = await creating
  assert.ok(cuts > 6)
  assert.deepEqual(new Set(sessions.map(({ status }) => status)), new Set(['active']))
  assert.equal(new Set(sessions.map(({ id }) => id)).size, 6)
  assert.equal(node.opened.length, 6, 'each was started once')
  for (const { id } of sessions) await endSession(ctx, desk.runtime, id, 'asked')
})

test('a browser that started while the database was away becomes its session’s', async () => {
  node.places = 1
  node.fates.push('hangs')
  const creating = desk.create(ANN)
  creating.catch(() => {})
  await eventually('it starts', () => node.opening.size === 1, 60_000)
  await operator.query('begin')
  await operator.query(`select 1 from browser_sessions where status = 'starting' for update`)
  node.release()
  const isWritten = async () => (await operator.query(LOCK_WAITS)).rows[0].waiting > 0
  await eventually('it is written down', isWritten, 60_000)
  await cut()
  await operator.query('commit')
  const { id, status } = await creating
  assert.equal(status, 'active')
  assert.ok(node.live.has(id))
  await endSession(ctx, desk.runtime, id, 'asked')
})
