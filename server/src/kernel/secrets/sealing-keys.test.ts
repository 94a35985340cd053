import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import pg from 'pg'
import { eventually } from '../test-support.ts'
import { cloneDatabase } from '#test/database.ts'
import { Kms } from './kms.ts'
import { countUsers, resealColumn } from './reseal.ts'
import { activateNext, addKey, prepareKey, retireKey } from './rotate.ts'
import { column, makeSealingKeys } from './test-support.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())

/** A database and a key directory that nobody has used. */
async function fresh() {
  const database = stack.use(await cloneDatabase())
  const directory = await mkdtemp(join(tmpdir(), 'gantry-keys-'))
  stack.defer(() => rm(directory, { recursive: true }))
  const owner = new pg.Client(database.address)
  await owner.connect()
  await owner.query(`create table test_secrets (id text primary key, sealed bytea);
    grant select, insert, update on test_secrets to gantry_app`)
  const run = (text: string) => owner.query(text)
  stack.defer(() => owner.end())
  return { task: { address: database.address, directory }, directory, run }
}

type Place = Awaited<ReturnType<typeof fresh>>['task']
const open = async (task: Place, change?: Parameters<typeof makeSealingKeys>[1]) =>
  stack.use(await makeSealingKeys(task, change))

type Opened = Awaited<ReturnType<typeof open>>
const columns = [column]
const others = async ({ kernel, keys }: Opened) => {
  const users = await countUsers(kernel.ctx, columns)
  users.delete(keys.activeId)
  return [...users.values()]
}

/** Adds a key and lets it seal. Every process but this one hears of it on its own. */
async function rotate({ kernel, keys }: Opened): Promise<void> {
  await addKey(kernel.ctx, keys)
  await keys.refresh()
  assert.ok(await activateNext(kernel.ctx, 0))
  await keys.refresh()
}

const reseal = ({ kernel, keys }: Opened) => resealColumn(kernel.ctx, keys, column, async () => {})

test('of many first starts at once one makes key and root, and all have them', async () => {
  const { task } = await fresh()
  const all = await Promise.all(Array.from({ length: 6 }, () => open(task)))
  assert.equal(new Set(all.map(({ keys }) => keys.activeId)).size, 1)
  const derived = all.map(({ keys }) => keys.keyring.derive('cursors').toString('hex'))
  assert.equal(new Set(derived).size, 1)
})

test('data from before keys could change keeps what hangs on its master key, through a rotation', async () => {
  const { task, run, directory } = await fresh()
  await run(`update root_secret set origin = 'master key'`)
  await assert.rejects(makeSealingKeys(task), /put back the file `keys\/master\.key`/)
  const { ensureMasterKey } = await import('./key-files.ts')
  const { makeKeyring } = await import('../crypto.ts')
  const former = makeKeyring((await ensureMasterKey(directory)).bytes)
  const one = await open(task)
  assert.deepEqual(one.keys.keyring.derive('object URLs'), former.derive('object URLs'))
  const place = column.place('1')
  assert.equal(
    one.keys.keyring.open('test', place, former.seal('test', place, Buffer.from('x'))).toString(),
    'x',
  )
  await rotate(one)
  const later = await open(task)
  assert.deepEqual(later.keys.keyring.mac('api keys', 'k'), former.mac('api keys', 'k'))
})

test('a key that another process added is known before it seals, and everything can be read all the time', async () => {
  const { task } = await fresh()
  const [one, two] = [await open(task), await open(task)]
  await one.put(500)
  await addKey(one.kernel.ctx, one.keys)
  assert.equal(await activateNext(one.kernel.ctx, 60_000), undefined, 'not known long enough')
  await two.keys.refresh()
  await one.keys.refresh()
  await activateNext(one.kernel.ctx, 0)
  await one.keys.refresh()
  assert.deepEqual(await reseal(one), { resealed: 500, unreadable: 0 })
  // The second process has not heard yet that the key seals now.
  assert.notEqual(two.keys.activeId, one.keys.activeId)
  assert.deepEqual(await two.unreadable(), [])
  assert.deepEqual(await others(one), [])
  assert.deepEqual(await reseal(one), { resealed: 0, unreadable: 0 }, 'a second run finds nothing')
})

test('T54: a rotation that is killed midway leaves every row readable, and goes on', async () => {
  const { task } = await fresh()
  const one = await open(task)
  await one.put(3_000)
  await rotate(one)
  const script = join(import.meta.dirname, 'test-crash.ts')
  const env = { ...process.env, TASK: JSON.stringify(task) }
  const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const left = await others(one)
  assert.ok(left.length === 1, 'some are done, and some are not')
  const count = left[0]!['test_secrets.sealed']!
  assert.ok(count > 0 && count < 3_000, `${count} are left`)
  assert.deepEqual(await one.unreadable(), [])
  const later = await open(task)
  assert.deepEqual(await reseal(later), { resealed: count, unreadable: 0 })
  assert.deepEqual([await others(later), await later.unreadable()], [[], []])
})

test('T54: two rotators at once seal each row once', async () => {
  const { task } = await fresh()
  const [one, two] = [await open(task), await open(task)]
  await one.put(1_000)
  const added = await Promise.all([one, two].map(({ kernel, keys }) => addKey(kernel.ctx, keys)))
  assert.equal(added[0]!.row.id, added[1]!.row.id)
  assert.equal(added.filter(({ isNew }) => isNew).length, 1)
  const moved = await Promise.all([one, two].map(({ kernel }) => activateNext(kernel.ctx, 0)))
  assert.equal(moved.filter((row) => row !== undefined).length, 1)
  await Promise.all([one, two].map(({ keys }) => keys.refresh()))
  const [a, b] = await Promise.all([reseal(one), reseal(two)])
  assert.equal(a.resealed + b.resealed, 1_000)
  assert.deepEqual([await others(one), await one.unreadable()], [[], []])
})

test('what somebody changes while it is sealed anew stays as they changed it', async () => {
  const { task, run } = await fresh()
  const one = await open(task)
  await one.put(3)
  await rotate(one)
  const theirs = one.keys.keyring.seal('test', column.place('000001'), Buffer.from('theirs'))
  const holder = new pg.Client(task.address)
  await holder.connect()
  await holder.query(
    `begin; update test_secrets set sealed = '\\x${theirs.toString('hex')}' where id = '000001'`,
  )
  const resealing = reseal(one)
  const waiting = `select 1 from pg_stat_activity where wait_event_type = 'Lock'
    and datname = current_database() and query like '%test_secrets%'`
  await eventually(
    'the rotation waits for the row',
    async () => (await run(waiting)).rowCount === 1,
  )
  await holder.query('commit')
  await holder.end()
  assert.deepEqual(await resealing, { resealed: 2, unreadable: 0 })
  const { rows } = await run(`select sealed from test_secrets where id = '000001'`)
  assert.deepEqual(rows[0].sealed, theirs)
})

test('a record that was put into another row is left as it is, and told', async () => {
  const { task, run } = await fresh()
  const one = await open(task)
  await one.put(3)
  await run(`update test_secrets set sealed = (select sealed from test_secrets where id = '000000')
    where id = '000001'`)
  await rotate(one)
  assert.deepEqual(await reseal(one), { resealed: 2, unreadable: 1 })
})

test('a key is given up only when it seals no more, a while ago, and nothing is sealed with it', async () => {
  const { task, run } = await fresh()
  const one = await open(task)
  await one.put(5)
  const { ctx } = one.kernel
  const former = one.keys.activeId
  const retire = () => retireKey(ctx, columns, former)
  assert.deepEqual(await retire(), { done: false, why: 'not_retiring' })
  await rotate(one)
  assert.deepEqual(await retire(), { done: false, why: 'too_early' })
  await run(
    `update sealing_keys set retiring_at = now() - interval '2 minutes' where state = 'retiring'`,
  )
  const users = { 'test_secrets.sealed': 5 }
  assert.deepEqual(await retire(), { done: false, why: 'in_use', users })
  const kept = await ctx.db.selectFrom('rootSecret').select('sealed').executeTakeFirstOrThrow()
  await reseal(one)
  await resealColumn(ctx, one.keys, (await import('./sealing-keys.ts')).rootColumn, async () => {})
  assert.deepEqual(await retire(), { done: true })
  await one.keys.refresh()
  assert.throws(() => one.keys.keyring.open('root secret', [], kept.sealed!), {
    name: 'SealingKeyMissing',
  })
  await rename(join(task.directory, 'master.key'), join(task.directory, 'away'))
  assert.deepEqual(await (await open(task)).unreadable(), [])
})

test('T54: a process that lacks a key does not start, and says which', async () => {
  const { task, directory } = await fresh()
  const one = await open(task)
  await one.put(1)
  const [first] = await one.keys.rows()
  await rename(join(directory, 'master.key'), join(directory, 'away'))
  const missing = new RegExp(`The sealing key ${first!.id} is not known here: put back`)
  await assert.rejects(makeSealingKeys(task), missing)
  const { makeKeyFile } = await import('./key-files.ts')
  await makeKeyFile(directory)
  await assert.rejects(makeSealingKeys(task), missing, 'another key is no help')
  await rename(join(directory, 'away'), join(directory, 'master.key'))
  assert.deepEqual(await (await open(task)).unreadable(), [])
})

test('T54: a process on a machine without the new key seals nothing once it is active, and says why', async () => {
  const { task } = await fresh()
  const one = await open(task)
  const apart = await mkdtemp(join(tmpdir(), 'gantry-keys-'))
  stack.defer(() => rm(apart, { recursive: true }))
  const { copyFile } = await import('node:fs/promises')
  await copyFile(join(task.directory, 'master.key'), join(apart, 'master.key'))
  const two = await open({ ...task, directory: apart })
  const name = await prepareKey(one.keys)
  assert.equal(await prepareKey(one.keys), name, 'it waits to be taken')
  await rotate(one)
  assert.equal(name, `kek-${one.keys.activeId}.key`)
  await assert.rejects(two.keys.refresh(), { name: 'SealingKeyMissing' })
  const seal = () => two.keys.keyring.seal('test', [], Buffer.from('x'))
  assert.throws(seal, new RegExp(`sealing key ${one.keys.activeId} is not known here`))
  assert.match(two.keys.trouble!, /put back/)
  await copyFile(join(task.directory, name), join(apart, name))
  await two.keys.refresh()
  assert.ok(seal())
})

test('T54: a KMS that does not answer fails the start within its deadline', async () => {
  const { task } = await fresh()
  const silent = createServer(() => {})
  await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done))
  stack.defer(() => silent.closeAllConnections())
  stack.defer(() => void silent.close())
  const { port } = silent.address() as AddressInfo
  const kms = new Kms({
    ...{ region: 'eu-central-1', endpoint: `http://127.0.0.1:${port}`, deadlineMs: 300 },
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  })
  await assert.rejects(makeSealingKeys(task, { kms, kmsKeyId: 'alias/gantry' }), {
    name: 'KmsFailure',
    message: /^KMS did not make a key with the key alias\/gantry: TimeoutError/,
  })
})
