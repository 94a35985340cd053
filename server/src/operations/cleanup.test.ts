import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Context } from '#kernel/context.ts'
import { databaseWithPeople, startProcess } from './test-support.ts'
import { purgeOld } from './jobs.ts'

const database = await databaseWithPeople()
after(() => database[Symbol.asyncDispose]())

const DAY_MS = 24 * 60 * 60 * 1000
const run = { id: 'run', retries: 0, progress: async () => undefined }

const daysAgo = ({ clock }: Context, days: number) =>
  new Date(clock.now().getTime() - days * DAY_MS)

async function addKey(ctx: Context, key: string, expiredForDays: number) {
  const now = ctx.clock.now()
  await ctx.db
    .insertInto('idempotencyKeys')
    .values({
      ...{ accountId: 'acc_ann', route: 'POST /', key, requestHash: '', status: 'done' },
      ...{ lockedUntil: now, createdAt: now, expiresAt: daysAgo(ctx, expiredForDays) },
    })
    .execute()
}

async function addOperation(ctx: Context, id: string, days: number, ended: boolean) {
  const at = daysAgo(ctx, days)
  const who = { accountId: 'acc_ann', userId: 'usr_ann', createdAt: at }
  const status = ended ? ('succeeded' as const) : ('running' as const)
  await ctx.db
    .insertInto('operations')
    .values({ id, kind: 'recovery.x', ...who, status, ...(ended && { endedAt: at }) })
    .execute()
}

test('the daily job deletes what is kept no longer, and nothing else', async () => {
  await using app = await startProcess(database.address, { working: false })
  const { ctx } = app.kernel
  await addKey(ctx, 'old', 1)
  await addKey(ctx, 'new', -1)
  await addOperation(ctx, 'op_old', 31, true)
  await addOperation(ctx, 'op_new', 29, true)
  for (const [status, days] of [
    [404, 91],
    [500, 89],
  ] as const) {
    const problem = { code: 'trial.gone', route: 'none', status, count: '1' }
    await ctx.db
      .insertInto('problemCounts')
      .values({ hour: daysAgo(ctx, days), ...problem })
      .execute()
  }
  await purgeOld.run(ctx, {}, run)
  await purgeOld.run(ctx, {}, run)

  const keys = await ctx.db.selectFrom('idempotencyKeys').select('key').execute()
  assert.deepEqual(keys, [{ key: 'new' }])
  const operations = await ctx.db.selectFrom('operations').select('id').execute()
  assert.deepEqual(operations, [{ id: 'op_new' }])
  const counts = await ctx.db.selectFrom('problemCounts').select('status').execute()
  assert.deepEqual(counts, [{ status: 500 }])
})

test('an operation that nothing works on any more is told to have failed', async () => {
  await using app = await startProcess(database.address, { working: false })
  const { ctx } = app.kernel
  await addOperation(ctx, 'op_lost', 2, false)
  await addOperation(ctx, 'op_fresh', 0.5, false)
  await purgeOld.run(ctx, {}, run)
  assert.equal((await app.show('op_lost')).body.status, 'failed')
  assert.equal((await app.show('op_lost')).body.error.code, 'server.error')
  assert.equal((await app.show('op_fresh')).body.status, 'running')
})
