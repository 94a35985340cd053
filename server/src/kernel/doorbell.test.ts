import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import pg from 'pg'
import pino from 'pino'
import { cloneDatabase } from '#test/database.ts'
import { APP_ROLE, clientConfig } from './db.ts'
import { Doorbell } from './doorbell.ts'
import { eventually } from './test-support.ts'

const database = await cloneDatabase()
const pool = new pg.Pool(clientConfig(database.address, APP_ROLE))
after(async () => {
  await pool.end()
  await database[Symbol.asyncDispose]()
})

test('a ring is heard in other processes, and a burst of rings is a few calls', async () => {
  await using ringing = openDoorbell()
  await using listening = openDoorbell()
  const heard = { events: 0, jobs: 0 }
  const unanswer = listening.answer('events', () => heard.events++)
  listening.answer('jobs', () => heard.jobs++)
  await eventually('it listens', () => heard.events === 1 && heard.jobs === 1)

  for (let ring = 0; ring < 1000; ring++) ringing.ring('events')
  await eventually('the burst is heard', () => heard.events > 1)
  assert.ok(heard.events <= 3, `${heard.events} calls`)
  assert.equal(heard.jobs, 1)

  unanswer()
  const before = heard.events
  ringing.ring('events')
  ringing.ring('jobs')
  await eventually('the other topic is heard', () => heard.jobs === 2)
  assert.equal(heard.events, before)
})

test('a connection that is cut is opened again, and whoever answers looks for what was missed', async () => {
  await using doorbell = openDoorbell()
  let heard = 0
  doorbell.answer('events', () => heard++)
  await eventually('it listens', () => heard === 1)
  await cutListeners()
  await eventually('it listens again', () => heard === 2)
  doorbell.ring('events')
  await eventually('it hears again', () => heard === 3)
})

test('a ring just before the end still goes out, and the end does not wait for a connection', async () => {
  await using listening = openDoorbell()
  let heard = 0
  listening.answer('jobs', () => heard++)
  await eventually('it listens', () => heard === 1)
  {
    await using leaving = openDoorbell()
    leaving.answer('jobs', () => assert.fail('heard after its end'))
    leaving.ring('jobs')
  }
  await eventually('it is heard', () => heard === 2)
})

function openDoorbell(): Doorbell {
  const log = pino({ level: 'silent' })
  return new Doorbell({ address: database.address, role: APP_ROLE, pool, log })
}

async function cutListeners(): Promise<void> {
  const owner = new pg.Client(database.address)
  await owner.connect()
  const { rowCount } = await owner.query(`
    select pg_terminate_backend(pid) from pg_stat_activity
    where query = 'listen gantry' and datname = current_database()`)
  await owner.end()
  assert.equal(rowCount, 1)
}
