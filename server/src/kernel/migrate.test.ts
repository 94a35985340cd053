import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import pg from 'pg'
import pino from 'pino'
import { cloneDatabase, SERVER_VARIABLE } from '#test/database.ts'
import { APP_ROLE, clientConfig, type DatabaseAddress } from './db.ts'
import { type Migration, migrate, readMigrations } from './migrate.ts'
import { temporaryPath } from './test-support.ts'

const log = pino({ level: 'silent' })
const server = JSON.parse(process.env[SERVER_VARIABLE]!) as DatabaseAddress

async function run(address: DatabaseAddress, text: string, role?: string) {
  const client = new pg.Client(clientConfig(address, role))
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/** An empty database, dropped with the test file. */
async function emptyDatabase(): Promise<DatabaseAddress> {
  const database = `test_${randomBytes(6).toString('hex')}`
  await run(server, `create database ${database}`)
  after(() => run(server, `drop database ${database} with (force)`))
  return { ...server, database }
}

/** Reads these texts as migrations 1, 2, … of a directory. */
function migrations(...texts: string[]): Migration[] {
  const directory = temporaryPath()
  mkdirSync(directory)
  for (const [index, text] of texts.entries()) {
    writeFileSync(join(directory, `${String(index + 1).padStart(4, '0')}_step.sql`), text)
  }
  return readMigrations(directory)
}

const FIRST = 'create table things (id integer); insert into things values (1);'
const SECOND = 'create table others (id integer);'
const tables = `select string_agg(tablename, ',' order by tablename) as names from pg_tables where schemaname = 'public'`
const namesIn = async (address: DatabaseAddress) => (await run(address, tables))[0].names

test('what is new runs once and in order, and what has run does not run again', async () => {
  const address = await emptyDatabase()
  assert.equal(await migrate({ address, log, migrations: migrations(FIRST) }), 1)
  assert.equal(await migrate({ address, log, migrations: migrations(FIRST, SECOND) }), 1)
  assert.equal(await migrate({ address, log, migrations: migrations(FIRST, SECOND) }), 0)
  assert.equal(await namesIn(address), 'others,schema_migrations,things')
  assert.deepEqual(await run(address, 'select id from things'), [{ id: 1 }])
})

test('of processes that start at once one migrates, and the others find it done', async () => {
  const address = await emptyDatabase()
  const slowly = migrations(`${FIRST} select pg_sleep(0.1);`, SECOND)
  const all = Array.from({ length: 4 }, () => migrate({ address, log, migrations: slowly }))
  assert.deepEqual((await Promise.all(all)).sort(), [0, 0, 0, 2])
  assert.deepEqual(await run(address, 'select id from things'), [{ id: 1 }])
})

test('a migration that fails leaves nothing of itself, and runs when it is mended', async () => {
  const address = await emptyDatabase()
  const broken = migrations(FIRST, `${SECOND} select no_such_thing;`)
  await assert.rejects(migrate({ address, log, migrations: broken }), (error: Error) => {
    return (
      /migration 2 \(step\) failed/.test(error.message) && /no_such_thing/.test(String(error.cause))
    )
  })
  assert.equal(await namesIn(address), 'schema_migrations,things')
  assert.equal(await migrate({ address, log, migrations: migrations(FIRST, SECOND) }), 1)
})

test('a migration that was changed after it ran is refused, and so is a database from the future', async () => {
  const address = await emptyDatabase()
  await migrate({ address, log, migrations: migrations(FIRST, SECOND) })
  const changed = migrations(`${FIRST} -- more`, SECOND)
  const refused = (given: Migration[], why: RegExp) =>
    assert.rejects(migrate({ address, log, migrations: given }), why)
  await refused(changed, /migration 1 \(step\) was changed after it was applied/)
  await refused(
    migrations(FIRST),
    /has migration 2 \(step\), which this version of Gantry does not/,
  )
  assert.equal(await namesIn(address), 'others,schema_migrations,things')
})

test('files that are misnamed or out of sequence are refused', () => {
  const directory = temporaryPath()
  mkdirSync(directory)
  writeFileSync(join(directory, 'notes.txt'), '')
  writeFileSync(join(directory, '0002_second.sql'), '')
  assert.throws(() => readMigrations(directory), /second has a number out of sequence/)
  writeFileSync(join(directory, '1_first.sql'), '')
  assert.throws(() => readMigrations(directory), /1_first\.sql is not named/)
})

test('the role of the product writes rows, and changes neither facts nor tables', async () => {
  await using database = await cloneDatabase()
  const as = (text: string) => run(database.address, text, APP_ROLE)
  await as(`insert into job_progress (job_id, done, updated_at) values ('x', 1, now())`)
  for (const text of [
    ...['update events set data = data', 'delete from events', 'truncate events'],
    ...['update runtime_setting_changes set name = name', 'delete from runtime_setting_changes'],
    ...['create table mine (id integer)', 'create schema mine', 'drop table job_progress'],
    ...['alter table events add column x integer', 'delete from cluster_epochs'],
    ...['update schema_migrations set checksum = $$$$', 'create role friend', 'drop table events'],
  ]) {
    await assert.rejects(as(text), { code: '42501' }, text)
  }
})
