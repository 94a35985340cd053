import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Home } from '../home.ts'
import { processTable, signalProcess, startTicks } from '../processes.ts'
import { eventually, temporaryHome } from '../test-support.ts'
import { readAddress } from './address.ts'
import { ask, open, preparedHome, openElsewhere, processesOf } from './test-support.ts'

async function postmasterOf(home: Home): Promise<number> {
  return Number.parseInt(await readFile(join(home.postgres, 'data/postmaster.pid'), 'utf8'), 10)
}

test('the server is there for those who know the password, on a private socket only', async () => {
  const home = await temporaryHome()
  await assert.rejects(readAddress(home), /No PostgreSQL runs on .*role api.*DATABASE_URL/)

  await using postgres = await open(home)
  const { address } = postgres
  assert.deepEqual(await readAddress(home), address)
  assert.equal((await stat(join(home.run, 'postgres.json'))).mode & 0o777, 0o600)
  assert.equal((await stat(join(home.keys, 'postgres.password'))).mode & 0o777, 0o600)
  assert.equal((await stat(address.host)).mode & 0o777, 0o700)
  await assert.rejects(ask({ ...address, password: 'guess' }, 'select 1'), { code: '28P01' })

  const settings = `select json_build_object(
    'listens', current_setting('listen_addresses'),
    'encoding', current_setting('server_encoding'),
    'collation', (select datcollate from pg_database where datname = current_database()),
    'idle', current_setting('idle_in_transaction_session_timeout'))`
  const expected = { listens: '', encoding: 'UTF8', collation: 'C', idle: '30s' }
  assert.deepEqual(await ask(address, settings), expected)
})

test('a stop leaves no process and no address, and the next start finds the data', async () => {
  const home = await preparedHome()
  const first = await open(home)
  await ask(first.address, 'create table kept as select 42 as answer')
  const idle = ask(first.address, 'select pg_sleep(60)').catch((error) => error.code)
  await eventually('the statement runs', async () =>
    ask(first.address, `select count(*) = 2 from pg_stat_activity where query like '%pg_sleep%'`),
  )
  await Promise.all([first.stop(), first.stop()])
  assert.equal(await idle, '57P01')
  assert.deepEqual(processesOf(home), [])
  await assert.rejects(readAddress(home))

  await using second = await open(home)
  assert.deepEqual(second.address, first.address)
  assert.equal(await ask(second.address, 'select answer from kept'), 42)
})

test('a server that is killed is back by itself, with every committed row and no process of old', async () => {
  const home = await preparedHome()
  await using postgres = await open(home)
  const { address } = postgres
  await ask(address, 'create table kept as select 42 as answer')
  // This one does not notice that its parent is gone, and holds the memory that a new server needs.
  const busy = ask(address, 'select count(*) from generate_series(1, 1e12)').catch(() => 'cut')
  await eventually('the statement runs', () =>
    processesOf(home).some((line) => line.endsWith('SELECT')),
  )
  const before = await postmasterOf(home)
  const children = processTable().filter(({ ppid }) => ppid === before)
  signalProcess(before, 'SIGKILL')

  const answer = await eventually('the server is back', () =>
    ask(address, 'select answer from kept').catch(() => undefined),
  )
  assert.equal(answer, 42)
  assert.equal(await busy, 'cut')
  assert.notEqual(await postmasterOf(home), before)
  for (const child of children) assert.notEqual(startTicks(child.pid), child.startTicks)
})

test('what hinders a restart may pass: the server is tried again until it starts', async () => {
  const home = await preparedHome()
  await using postgres = await open(home)
  const { address } = postgres
  const hindrance = join(home.postgres, 'data/postgresql.auto.conf')
  await writeFile(hindrance, 'no_such_setting = 1\n')
  signalProcess(await postmasterOf(home), 'SIGKILL')
  const log = join(home.logs, 'postgres.log')
  await eventually('a start has failed', async () =>
    (await readFile(log, 'utf8')).includes('no_such_setting'),
  )
  await writeFile(hindrance, '')
  await eventually('the server is back', () => ask(address, 'select 1').catch(() => undefined))
})

test('a stop in the middle of a restart leaves no process', async () => {
  const home = await preparedHome()
  for (const hasBegun of [false, true]) {
    const postgres = await open(home)
    const before = await postmasterOf(home)
    signalProcess(before, 'SIGKILL')
    const isAnother = async () => (await postmasterOf(home).catch(() => before)) !== before
    if (hasBegun) await eventually('the restart has begun', isAnother)
    await postgres.stop()
    assert.deepEqual(processesOf(home), [])
  }
})

test('a start that fails says why, and leaves no process', async () => {
  const home = await preparedHome()
  await (await open(home)).stop()
  await writeFile(join(home.postgres, 'data/postgresql.auto.conf'), 'no_such_setting = 1\n')
  await assert.rejects(open(home), /PostgreSQL did not start: .*FATAL.*postgres\.log/)
  assert.deepEqual(processesOf(home), [])
})

test('kill -9 of the owner leaves the server running, and the next owner adopts it', async () => {
  const home = await preparedHome()
  using owner = openElsewhere(home)
  await once(owner.child.stdout!, 'data')
  const pid = await postmasterOf(home)
  owner.child.kill('SIGKILL')
  await once(owner.child, 'exit')
  await rm(join(home.run, 'postgres.json'))

  const postgres = await open(home)
  assert.equal(await postmasterOf(home), pid)
  assert.deepEqual(await readAddress(home), postgres.address)
  signalProcess(pid, 'SIGKILL')
  await eventually('the adopted server is watched', () =>
    ask(postgres.address, 'select 1').catch(() => undefined),
  )
  await postgres.stop()
  assert.deepEqual(processesOf(home), [])
})

test('a survivor that runs with other settings is replaced', async () => {
  const home = await preparedHome()
  using owner = openElsewhere(home, { durability: 'test' })
  await once(owner.child.stdout!, 'data')
  const pid = await postmasterOf(home)
  owner.child.kill('SIGKILL')
  await once(owner.child, 'exit')

  await using postgres = await open(home, 'full')
  const { address } = postgres
  assert.notEqual(await postmasterOf(home), pid)
  assert.equal(await ask(address, 'show fsync'), 'on')
})

test('kill -9 of owner and server at once is recovered from', async () => {
  const home = await preparedHome()
  using owner = openElsewhere(home)
  await once(owner.child.stdout!, 'data')
  const { host } = await readAddress(home)
  await ask(await readAddress(home), 'create table kept as select 42 as answer')
  const postmaster = await postmasterOf(home)
  owner.child.kill('SIGKILL')
  signalProcess(postmaster, 'SIGKILL')
  await once(owner.child, 'exit')

  await using postgres = await open(home)
  const { address } = postgres
  assert.equal(address.host, host)
  assert.equal(await ask(address, 'select answer from kept'), 42)
})

test('an owner in a hurry ends the server without waiting for it', async () => {
  const home = await preparedHome()
  using owner = openElsewhere(home, { code: 'postgres.stopNow(); process.exit()' })
  await once(owner.child, 'exit')
  await eventually('no process is left', () => processesOf(home).length === 0)
  await using postgres = await open(home)
  assert.equal(await ask(postgres.address, 'select 1'), 1)
})
