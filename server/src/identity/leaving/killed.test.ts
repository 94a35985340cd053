import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { openTestKernel } from '#kernel/test-kernel.ts'
import { eventually } from '#kernel/test-support.ts'
import { cloneDatabase } from '#test/database.ts'
import { LOCK_WAITS } from '#test/lock-waits.ts'
import { eraseJobs } from './test-worker.ts'

const USER = `usr_${'0'.repeat(26)}`
const ACCOUNT = `acc_${'0'.repeat(26)}`

/** Somebody whose days of grace are over, with a device that was remembered. */
async function addLeaver(client: pg.Client): Promise<void> {
  const statements: [string, unknown[]][] = [
    [
      `insert into accounts (id, name, kind, created_at, updated_at) values ($1, 'Ann', 'personal', now(), now())`,
      [ACCOUNT],
    ],
    [
      `insert into users (id, email, email_key, password_hash, account_id, status, created_at, updated_at)
      values ($1, 'ann@example.test', 'ann@example.test', '$argon2id$none', $2, 'leaving', now(), now())`,
      [USER, ACCOUNT],
    ],
    [
      `insert into members (account_id, user_id, role, created_at) values ($2, $1, 'owner', now())`,
      [USER, ACCOUNT],
    ],
    [
      `insert into one_time_tokens (user_id, purpose, token_hash, email, created_at, expires_at)
      values ($1, 'restore_user', sha256('token'), 'ann@example.test', now(), now() + interval '1 day')`,
      [USER],
    ],
    [
      `insert into departures (user_id, status_before, requested_at, due_at)
      values ($1, 'active', now() - interval '2 days', now() - interval '1 day')`,
      [USER],
    ],
    [`create table erasings (user_id text not null)`, []],
    [`grant insert on erasings to gantry_app`, []],
  ]
  for (const [text, values] of statements) await client.query(text, values)
}

test('a worker that is killed amid erasing leaves nothing half, and another one goes on', async () => {
  await using database = await cloneDatabase()
  const { address } = database
  await using stack = new AsyncDisposableStack()
  const root = await mkdtemp(join(tmpdir(), 'gantry-erase-'))
  stack.defer(() => rm(root, { recursive: true, force: true }))
  const jobs = await eraseJobs(root)
  const kernel = stack.use(await openTestKernel({ address, jobs }))
  const [holder, watcher] = [new pg.Client(address), new pg.Client(address)]
  for (const client of [holder, watcher]) {
    await client.connect()
    stack.defer(() => client.end())
  }
  const count = async (from: string) =>
    Number((await watcher.query(`select count(*) from ${from}`)).rows[0].count)
  await addLeaver(watcher)
  // The worker comes to a stand at the end of the transaction that deletes the rows.
  await holder.query('begin')
  await holder.query('select from members where user_id = $1 for update', [USER])

  await kernel.ctx.jobs.send(jobs[0], { userId: USER }, { uniqueKey: USER })
  const program = import.meta.resolve('./test-worker.ts').slice('file://'.length)
  const worker = spawn(process.execPath, [program, JSON.stringify({ address, root })], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  stack.defer(() => void worker.kill('SIGKILL'))
  const exited = once(worker, 'exit')
  await eventually(
    'it waits for the row',
    async () => (await watcher.query(LOCK_WAITS)).rows[0].waiting > 0,
    60_000,
  )
  worker.kill('SIGKILL')
  await exited
  const departure = () => kernel.db.selectFrom('departures').selectAll().executeTakeFirstOrThrow()
  const { begunAt, erased, accountIds, endedAt } = await departure()
  assert.ok(begunAt)
  assert.deepEqual([erased, accountIds, endedAt], [['first'], [ACCOUNT], null])
  await holder.query('rollback')

  await kernel.work()
  await eventually('another one has gone on', async () => (await departure()).endedAt, 120_000)
  assert.deepEqual((await departure()).erased, ['first', 'identity'])
  assert.equal(await count('erasings'), 1, 'what was done is not done again')
  assert.equal(await count('one_time_tokens'), 0)
  assert.equal(await count('members'), 0)
  const { rows } = await watcher.query('select status, email from users')
  assert.deepEqual(rows, [{ status: 'deleted', email: `${USER.toLowerCase()}@deleted.invalid` }])
  const events = await kernel.db.selectFrom('events').select('kind').execute()
  assert.deepEqual(events.map(({ kind }) => kind).sort(), [
    'account.deleted',
    'member.removed',
    'user.deleted',
  ])
})
