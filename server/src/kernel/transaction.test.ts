import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { cloneDatabase } from '#test/database.ts'
import type { Context } from './context.ts'
import { openTestKernel } from './test-kernel.ts'

const database = await cloneDatabase()
const kernel = await openTestKernel({ address: database.address })
after(async () => {
  await kernel[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})
const { ctx } = kernel

let names = 0
const unique = (name: string) => `${name}-${++names}`

// Any table that the product's role may write to does for a thing.
function put({ db, clock }: Context, jobId: string, done = 0) {
  const row = { jobId, done, updatedAt: clock.now() }
  return db.insertInto('jobProgress').values(row).execute()
}

async function stored(name: string): Promise<number | undefined> {
  const query = kernel.db.selectFrom('jobProgress').select('done').where('jobId', '=', name)
  return (await query.executeTakeFirst())?.done
}

test('what a transaction wrote is there when it has ended, and what it returns comes back', async () => {
  const name = unique('kept')
  const result = await ctx.transaction(async (ctx) => {
    await put(ctx, name, 1)
    assert.equal(await stored(name), undefined)
    return 'done'
  })
  assert.deepEqual([result, await stored(name)], ['done', 1])
})

test('a transaction that throws leaves nothing, and what it threw comes through', async () => {
  const name = unique('lost')
  const effects: string[] = []
  const failure = new Error('no')
  const failing = ctx.transaction(async (ctx) => {
    await put(ctx, name)
    ctx.afterCommit(() => effects.push('never'))
    throw failure
  })
  await assert.rejects(failing, (error) => error === failure)
  assert.deepEqual([await stored(name), effects], [undefined, []])
})

test('an inner transaction is a part of the outer one', async () => {
  const [outer, inner] = [unique('outer'), unique('inner')]
  const effects: string[] = []
  const failing = ctx.transaction(async (ctx) => {
    await put(ctx, outer)
    await ctx.transaction(async (ctx) => {
      await put(ctx, inner)
      ctx.afterCommit(() => effects.push('inner'))
    })
    await ctx.actingFor('acc_x').transaction((ctx) => put(ctx, unique('third')))
    assert.deepEqual(effects, [])
    throw new Error('no')
  })
  await assert.rejects(failing, { message: 'no' })
  assert.deepEqual([await stored(outer), await stored(inner), effects], [undefined, undefined, []])
})

test('effects wait for the commit and come in order; outside of a transaction they come at once', async () => {
  const name = unique('effects')
  const effects: unknown[] = []
  await ctx.transaction(async (ctx) => {
    await put(ctx, name, 7)
    ctx.afterCommit(() => effects.push(stored(name)))
    ctx.with({ correlationId: 'x' }).afterCommit(() => effects.push('second'))
    assert.deepEqual(effects, [])
  })
  assert.equal(await effects[0], 7)
  assert.equal(effects[1], 'second')
  ctx.afterCommit(() => effects.push('at once'))
  assert.equal(effects[2], 'at once')
})

test('of two that PostgreSQL cannot put in a row one runs again, and both take effect', async () => {
  const name = unique('counted')
  await put(ctx, name)
  let runs = 0
  const effects: number[] = []
  const bothHaveRead = Promise.withResolvers<void>()
  const add = () =>
    ctx.transaction(async (ctx) => {
      const run = ++runs
      await sql`set transaction isolation level serializable`.execute(ctx.db)
      const row = ctx.db.selectFrom('jobProgress').select('done').where('jobId', '=', name)
      const { done } = await row.executeTakeFirstOrThrow()
      if (run === 2) bothHaveRead.resolve()
      await bothHaveRead.promise
      const changed = ctx.db.updateTable('jobProgress').set({ done: done + 1 })
      await changed.where('jobId', '=', name).execute()
      ctx.afterCommit(() => effects.push(run))
    })
  await Promise.all([add(), add()])
  assert.equal(await stored(name), 2)
  assert.equal(runs, 3)
  assert.equal(effects.length, 2)
})

test('two that wait for each other both come through', async () => {
  const [one, other] = [unique('one'), unique('other')]
  await put(ctx, one)
  await put(ctx, other)
  let runs = 0
  let held = 0
  const bothHold = Promise.withResolvers<void>()
  const add = (first: string, second: string) =>
    ctx.transaction(async (ctx) => {
      runs++
      await addOne(ctx, first)
      if (++held === 2) bothHold.resolve()
      await bothHold.promise
      await addOne(ctx, second)
    })
  await Promise.all([add(one, other), add(other, one)])
  assert.deepEqual([await stored(one), await stored(other)], [2, 2])
  assert.ok(runs >= 3)
})

async function addOne({ db }: Context, name: string) {
  const set = sql<number>`done + 1`
  await db.updateTable('jobProgress').set({ done: set }).where('jobId', '=', name).execute()
}

test('what cannot succeed is given up after the fourth try', async () => {
  let runs = 0
  const hopeless = ctx.transaction(async ({ db }) => {
    runs++
    await sql`do $$ begin raise exception 'no' using errcode = '40001'; end $$`.execute(db)
  })
  await assert.rejects(hopeless, { code: '40001' })
  assert.equal(runs, 4)
  const wrong = ctx.transaction(async (ctx) => {
    runs++
    await sql`select 1 / 0`.execute(ctx.db)
  })
  await assert.rejects(wrong, { code: '22012' })
  assert.equal(runs, 5)
})
