import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import pg from 'pg'
import { createOperation, getOperation } from '#operations/index.ts'
import type { Context } from '#kernel/context.ts'
import { openTestKernel } from '#kernel/test-kernel.ts'
import { eventually } from '#kernel/test-support.ts'
import { cloneDatabase } from '#test/database.ts'
import { runKind } from './job.ts'
import { bulkJob } from './test-worker.ts'

const USERS = 6
const HELD = 3
const idOf = (n: number, kind = 'usr') => `${kind}_${String(n).padStart(26, '0')}`

/** User 0 runs the installation and changes the others. */
async function addPeople(client: pg.Client): Promise<void> {
  for (let n = 0; n <= USERS; n++) {
    await client.query(
      `insert into accounts (id, name, kind, created_at, updated_at) values ($1, $1, 'personal', now(), now())`,
      [idOf(n, 'acc')],
    )
    await client.query(
      `insert into users (id, email, email_key, password_hash, account_id, platform_roles, created_at, updated_at)
      values ($1, $2, $2, '$argon2id$none', $3, $4, now(), now())`,
      [idOf(n), `${n}@example.test`, idOf(n, 'acc'), n === 0 ? ['super-admin'] : []],
    )
    await client.query(
      `insert into members (account_id, user_id, role, created_at) values ($1, $2, 'owner', now())`,
      [idOf(n, 'acc'), idOf(n)],
    )
  }
}

/** As `startBulk` does for whoever may. */
async function start(ctx: Context): Promise<string> {
  return ctx.transaction(async (ctx) => {
    const operationId = await createOperation(ctx, 'users.deactivate')
    const rows = Array.from({ length: USERS }, (_, position) => ({
      ...{ operationId, position, userId: idOf(position + 1), person: null },
      ...{ status: 'waiting' as const, code: null, detail: null },
    }))
    await ctx.db.insertInto('bulkRows').values(rows).execute()
    const caller = { userId: idOf(0), accountId: idOf(0, 'acc'), signInId: 'sgn_0' }
    await ctx.jobs.send(runKind, { operationId, caller, work: { operation: 'deactivate' } })
    return operationId
  })
}

test('a worker that is killed amid a change to many leaves it to another one, and nobody is changed twice', async () => {
  await using database = await cloneDatabase()
  const { address } = database
  await using kernel = await openTestKernel({ address, jobs: [bulkJob()] })
  const holder = new pg.Client(address)
  await holder.connect()
  const stack = new AsyncDisposableStack()
  await using _ = stack
  stack.defer(() => holder.end())
  await addPeople(holder)
  // The worker comes to a stand at this one.
  await holder.query('begin')
  await holder.query('select from users where id = $1 for update', [idOf(HELD)])

  const ids = { userId: idOf(0), accountId: idOf(0, 'acc'), signInId: 'sgn_0' }
  const actor = { kind: 'user', roles: ['super-admin'], ...ids } as const
  const ctx = kernel.contextFor({ actor, accountId: idOf(0, 'acc') })
  const operationId = await start(ctx)
  const program = import.meta.resolve('./test-worker.ts').slice('file://'.length)
  const worker = spawn(process.execPath, [program, JSON.stringify({ address })], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  stack.defer(() => void worker.kill('SIGKILL'))
  const exited = once(worker, 'exit')
  await eventually(
    'it has done those before',
    async () => (await getOperation(ctx, operationId)).done === HELD - 1,
    60_000,
  )
  worker.kill('SIGKILL')
  await exited
  await holder.query('rollback')

  await kernel.work()
  const ended = await eventually(
    'another one has gone on',
    async () => {
      const row = await getOperation(ctx, operationId)
      return row.endedAt ? row : undefined
    },
    120_000,
  )
  assert.deepEqual(
    [ended.status, ended.result],
    ['succeeded', { done: USERS, unchanged: 0, refused: 0 }],
  )
  const events = await kernel.db
    .selectFrom('events')
    .select('target')
    .where('kind', '=', 'user.deactivated')
    .execute()
  const wanted = Array.from({ length: USERS }, (_, n) => idOf(n + 1))
  assert.deepEqual(events.map(({ target }) => target).sort(), wanted)
})
