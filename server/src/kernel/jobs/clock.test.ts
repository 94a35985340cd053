import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { z } from 'zod'
import { cloneDatabase } from '#test/database.ts'
import { openTestKernel } from '../test-kernel.ts'
import { eventually } from '../test-support.ts'
import { kind, list, nothing, type Run } from './test-kinds.ts'

const database = await cloneDatabase()
after(() => database[Symbol.asyncDispose]())
const { address } = database

test('a tick of the clock is one job over all processes, and a kind that lost its clock has none', async () => {
  await using database = await cloneDatabase()
  const { address } = database
  let ticks = 0
  const run: Run = async () => void ticks++
  const input = z.object({ of: z.string().default('clock') })
  const minutely = kind('tick', run, { cron: '* * * * *', input: input as never })
  const others = [await openTestKernel({ address, jobs: [minutely] })]
  others.push(await openTestKernel({ address, jobs: [minutely] }))
  await Promise.all(others.map((kernel) => kernel.work()))
  await eventually('a tick', () => ticks > 0)
  const seen = ticks
  const { rows } = await others[0]!.pool.query(
    `select count(distinct singleton_on)::int as slots, count(*)::int as jobs from pgboss.job where name like '\\_\\_pgboss%'`,
  )
  for (const kernel of others) await kernel[Symbol.asyncDispose]()
  assert.equal(rows[0].slots, rows[0].jobs)
  assert.ok(seen <= rows[0].slots, `${seen} runs of ${rows[0].slots} ticks`)

  await using after = await openTestKernel({ address, jobs: [kind('tick', run)] })
  await after.work()
  assert.equal((await after.pool.query('select from pgboss.schedule')).rowCount, 0)
})

test('what came due while nobody ran is made up for, once', async () => {
  await using database = await cloneDatabase()
  const { address } = database
  let runs = 0
  const halfADayOff = (new Date().getUTCHours() + 12) % 24
  const cron = `0 ${halfADayOff} * * *`
  const input = z.object({ of: z.string().default('clock') })
  const daily = kind('daily', async () => void runs++, { cron, input: input as never })
  {
    await using before = await openTestKernel({ address, jobs: [daily] })
    await before.work()
    await before.pool.query(`update pgboss.schedule set created_on = now() - interval '9 days'`)
  }
  await using after = await openTestKernel({ address, jobs: [daily] })
  await after.pool.query(`update pgboss.version set cron_on = now() - interval '3 days'`)
  assert.equal(runs, 0)
  await after.work()
  await eventually('it is made up for', () => runs > 0)
  assert.equal((await list(after, daily)).length, 1)
})

test('a clock whose kind does not accept an empty input is refused at the start', async () => {
  const job = kind('wrong_clock', nothing, { cron: '0 0 * * *' })
  await using kernel = await openTestKernel({ address, jobs: [job] })
  await assert.rejects(kernel.work(), z.ZodError)
})
