import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { z } from 'zod'
import { cloneDatabase } from '#test/database.ts'
import { Problem } from './problem.ts'
import { defineFlag, defineSetting, RuntimeSettings } from './runtime-settings.ts'
import { openTestKernel } from './test-kernel.ts'

const database = await cloneDatabase()
const kernel = await openTestKernel({ address: database.address })
after(async () => {
  await kernel[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})
const { ctx, db, log } = kernel

let names = 0
const size = (most = 100) =>
  defineSetting({
    name: `trial.size_${++names}`,
    what: 'How many',
    value: z.int().max(most),
    default: 10,
  })

test('a change holds once its transaction is in, and one that is rolled back never', async () => {
  const setting = size()
  await using runtime = await RuntimeSettings.open(db, log, [])
  await assert.rejects(
    ctx.transaction(async (ctx) => {
      await runtime.change(ctx, setting.name, 20)
      throw new Error('no')
    }),
  )
  await runtime.refresh()
  assert.equal(runtime.get(setting), 10)
  await ctx.transaction((ctx) => runtime.change(ctx, setting.name, 20))
  await runtime.refresh()
  assert.equal(runtime.get(setting), 20)
})

test('a change tells what was before; setting the same again is none', async () => {
  const setting = size()
  await using runtime = await RuntimeSettings.open(db, log, [])
  const set = (value: number) => ctx.transaction((ctx) => runtime.change(ctx, setting.name, value))
  const changes = [await set(1), await set(1), await set(2)]
  assert.deepEqual(
    changes.map((change) => change && [change.before, change.after, change.changedBy]),
    [[null, 1, 'system'], undefined, [1, 2, 'system']],
  )
})

test('of many changes at once each tells the one before it', async () => {
  const setting = size()
  await using runtime = await RuntimeSettings.open(db, log, [])
  const values = [1, 2, 3, 4, 5]
  const changes = await Promise.all(
    values.map((value) => ctx.transaction((ctx) => runtime.change(ctx, setting.name, value))),
  )
  const before = changes.map((change) => change!.before)
  const last = (await runtime.stored(ctx)).get(setting.name)!.value
  assert.deepEqual([...before, last].sort(), [null, ...values].sort())
})

test('what is stored but no longer fits counts as unset', async () => {
  const setting = size()
  const flag = defineFlag({ name: `trial.flag_${names}`, what: 'Whether', default: true })
  await using runtime = await RuntimeSettings.open(db, log, [])
  await ctx.transaction(async (ctx) => {
    await runtime.change(ctx, setting.name, 50)
    await runtime.change(ctx, flag.name, 'yes')
  })
  await runtime.refresh()
  assert.equal(runtime.get(setting), 50)
  assert.equal(runtime.get({ ...setting, value: z.int().max(20) }), 10)
  assert.equal(runtime.isOn(flag), true)
})

test('the history runs from the newest in pages, of the names that are asked for', async () => {
  const [setting, other] = [size(), size()]
  await using runtime = await RuntimeSettings.open(db, log, [])
  for (const value of [1, 2, 3]) {
    await ctx.transaction((ctx) => runtime.change(ctx, setting.name, value))
    await ctx.transaction((ctx) => runtime.change(ctx, other.name, value))
  }
  const page = (cursor?: string) => runtime.history(ctx, [setting.name], { limit: 2, cursor })
  const first = await page()
  const second = await page(first.nextCursor!)
  const after = [...first.rows, ...second.rows].map((row) => row.after)
  assert.deepEqual([after, first.rows.length, second.nextCursor], [[3, 2, 1], 2, null])
  await assert.rejects(page(`${first.nextCursor}x`), (error) => {
    return error instanceof Problem && error.code === 'request.bad_cursor'
  })
})
