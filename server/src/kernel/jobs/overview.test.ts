import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { cloneDatabase } from '#test/database.ts'
import { openTestKernel } from '../test-kernel.ts'
import { eventually } from '../test-support.ts'
import { counts, isIn, kind, list, nothing, soon, stepped } from './test-kinds.ts'

const database = await cloneDatabase()
after(() => database[Symbol.asyncDispose]())
const { address } = database

test('a job that has failed for good keeps its input and its error, and can be run again', async () => {
  let broken = true
  const asked = Promise.withResolvers<void>()
  const job = kind(
    'die',
    async () => {
      await asked.promise
      if (broken) throw Object.assign(new Error('no: Bearer abcdefgh.secret'), { row: 'private' })
    },
    { retryLimit: 0 },
  )
  await using kernel = await openTestKernel({ address, jobs: [job] })
  await kernel.work()
  const { queue, ctx } = kernel
  const options = { uniqueKey: 'only', priority: 3 }
  const id = (await ctx.jobs.send(job, { of: 'grave', password: 'p' } as never, options))!
  assert.equal(await queue.retry(id), false)
  asked.resolve()
  await eventually('it is dead', () => isIn(kernel, id, 'dead'))

  const dead = (await queue.get(id))!
  assert.deepEqual(dead.input, { of: 'grave', password: '[redacted]' })
  const { message, row } = dead.error as { message: string; row?: string }
  assert.deepEqual({ message, row }, { message: 'no: [redacted]', row: undefined })
  assert.equal(dead.uniqueKey, 'only')
  assert.deepEqual(await counts(kernel, job), { dead: 1 })

  broken = false
  const blocker = await ctx.jobs.send(job, { of: 'in the way' }, { ...options, startAfter: soon() })
  assert.equal(await queue.retry(id), false)
  await isIn(kernel, id, 'dead')
  assert.deepEqual(await counts(kernel, job), { dead: 1, queued: 1 })
  await kernel.pool.query('delete from pgboss.job where id = $1', [blocker])

  assert.equal(await queue.retry(id), true)
  await eventually('it has run', () => isIn(kernel, id, 'completed'))
  assert.equal((await list(kernel, job)).length, 1)
  assert.equal(await queue.get('no-such-job'), undefined)
})

test('a job tells how far it has come', async () => {
  const { job, next } = stepped('progress')
  await using kernel = await openTestKernel({ address, jobs: [job] })
  await kernel.work()
  const id = (await kernel.ctx.jobs.send(job, { of: 'progress' }))!
  const { run, end } = await next()
  await run.progress(1, 3)
  await run.progress(2, 3, 'nearly')
  const { progress, state } = (await kernel.queue.get(id))!
  assert.deepEqual(
    { progress, state },
    { progress: { done: 2, total: 3, note: 'nearly' }, state: 'active' },
  )
  end()
})

test('the list is paged, the newest first, and can be narrowed', async () => {
  const job = kind('listed', nothing)
  await using kernel = await openTestKernel({ address, jobs: [job] })
  const ids: (string | null)[] = []
  for (let sent = 0; sent < 5; sent++) ids.unshift(await kernel.ctx.jobs.send(job, { of: 'list' }))
  const { name } = job
  const first = await kernel.queue.list({ name, limit: 3 })
  assert.ok(first.next)
  const second = await kernel.queue.list({ name, limit: 3, after: first.next })
  assert.equal(second.next, null)
  assert.deepEqual(
    [...first.jobs, ...second.jobs].map(({ id }) => id),
    ids,
  )
  const active = await kernel.queue.list({ name, state: 'active', limit: 3 })
  assert.deepEqual(active, { jobs: [], next: null })
})
