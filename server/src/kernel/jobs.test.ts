import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { z } from 'zod'
import { cloneDatabase } from '#test/database.ts'
import { openTestKernel } from './test-kernel.ts'
import { eventually } from './test-support.ts'
import { counts, isIn, kind, list, nothing, soon, stepped } from './jobs/test-kinds.ts'

const database = await cloneDatabase()
after(() => database[Symbol.asyncDispose]())
const { address } = database

test('a job runs once, for the account that it was sent for, as the system', async () => {
  const runs: unknown[] = []
  const job = kind('note', async (ctx, input, run) => {
    runs.push({
      input,
      accountId: ctx.accountId,
      actor: ctx.actor,
      correlationId: ctx.correlationId,
      run: { id: run.id, retries: run.retries },
    })
  })
  await using kernel = await openTestKernel({ address, jobs: [job] })
  await kernel.work()
  const actor = { kind: 'system', name: 'test' } as const
  const ctx = kernel.contextFor({ actor, accountId: 'acc_1', correlationId: 'request-1' })
  const id = await ctx.transaction((ctx) => ctx.jobs.send(job, { of: 'one' }))
  await eventually('it has run', () => isIn(kernel, id, 'completed'))
  assert.deepEqual(runs, [
    {
      input: { of: 'one' },
      accountId: 'acc_1',
      actor: { kind: 'system', name: 'job:test.note' },
      correlationId: 'request-1',
      run: { id, retries: 0 },
    },
  ])
})

test('a rolled-back transaction leaves no job, and an input that is not of the kind is refused', async () => {
  const job = kind('undone', nothing)
  await using kernel = await openTestKernel({ address, jobs: [job] })
  const sent = kernel.ctx.transaction(async (ctx) => {
    assert.ok(await ctx.jobs.send(job, { of: 'undone' }))
    throw new Error('changed my mind')
  })
  await assert.rejects(sent, /changed my mind/)
  await assert.rejects(kernel.ctx.jobs.send(job, { of: 7 } as never), z.ZodError)
  assert.deepEqual(await list(kernel, job), [])
})

test('a job that is sent wakes its worker, and a backlog of 200 drains at once', async () => {
  let runs = 0
  const job = kind('drain', async () => void runs++)
  await using kernel = await openTestKernel({ address, jobs: [job] })
  await kernel.ctx.transaction(async (ctx) => {
    for (let sent = 0; sent < 200; sent++) await ctx.jobs.send(job, { of: 'backlog' })
  })
  await kernel.work()
  await eventually('the backlog has drained', () => runs === 200)

  const latencies: number[] = []
  // The clock alone would take a second, each time; a busy machine may take as long now and then.
  for (let sent = 1; sent <= 30 && !(Math.min(...latencies) < 500); sent++) {
    const sentMs = performance.now()
    await kernel.ctx.jobs.send(job, { of: 'straggler' })
    await eventually('the straggler has run', () => runs === 200 + sent)
    latencies.push(performance.now() - sentMs)
  }
  assert.ok(Math.min(...latencies) < 500, String(latencies))
})

test('of one unique key, one job is queued, running or waiting for a retry', async () => {
  const { job, next } = stepped('unique', { retryLimit: 1, concurrency: 6 })
  await using kernel = await openTestKernel({ address, jobs: [job], graceMs: 100 })
  const send = (uniqueKey: string) => kernel.ctx.jobs.send(job, { of: 'key' }, { uniqueKey })
  const sent = await Promise.all([send('a'), send('a'), send('a')])
  const [id] = sent.filter((id) => id !== null)
  assert.equal(sent.filter((id) => id === null).length, 2)
  assert.ok(await send('b'))
  const others = [0, 1].map(() => kernel.ctx.jobs.send(job, { of: 'no key' }))
  assert.ok((await Promise.all(others)).every((id) => id !== null))

  await kernel.work()
  const first = await next((run) => run.id === id)
  assert.equal(await send('a'), null)
  first.end(new Error('once more'))
  await eventually('it waits for its retry', () => isIn(kernel, id!, 'retrying'))
  assert.equal(await send('a'), null)
  const second = await next((run) => run.id === id)
  assert.equal(second.run.retries, 1)
  second.end()
  await eventually('it is done', () => isIn(kernel, id!, 'completed'))
  assert.ok(await send('a'))
})

test('a higher priority runs first, and nothing runs before its time', async () => {
  const order: string[] = []
  const job = kind('order', async (_ctx, { of }) => void order.push(of), { concurrency: 1 })
  await using kernel = await openTestKernel({ address, jobs: [job] })
  const { jobs } = kernel.ctx
  await jobs.send(job, { of: 'later' }, { startAfter: soon() })
  await jobs.send(job, { of: 'ordinary' })
  await jobs.send(job, { of: 'urgent' }, { priority: 10 })
  await kernel.work()
  await eventually('two have run', () => order.length === 2)
  assert.deepEqual(order, ['urgent', 'ordinary'])
  const open = async () => JSON.stringify(await counts(kernel, job))
  await eventually('one is left', async () => (await open()) === '{"queued":1}')
})
