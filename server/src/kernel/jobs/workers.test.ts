import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { cloneDatabase } from '#test/database.ts'
import { openTestKernel } from '../test-kernel.ts'
import { eventually } from '../test-support.ts'
import { isIn, kind, type Run, stepped } from './test-kinds.ts'

const database = await cloneDatabase()
after(() => database[Symbol.asyncDispose]())
const { address } = database

test('a failed try is followed by another, a second or two later', async () => {
  const tries: number[] = []
  const job = kind('again', async (_ctx, _input, run) => {
    tries.push(performance.now())
    if (run.retries === 0) throw new Error('not yet')
  })
  await using kernel = await openTestKernel({ address, jobs: [job] })
  await kernel.work()
  const id = await kernel.ctx.jobs.send(job, { of: 'retry' })
  await eventually('it is done', () => isIn(kernel, id, 'completed'))
  assert.equal(tries.length, 2)
  assert.ok(tries[1]! - tries[0]! > 900)
})

test('a job that takes too long is told to stop and has failed its try', async () => {
  const aborted = Promise.withResolvers<void>()
  const hang: Run = async ({ signal }) => {
    signal.addEventListener('abort', () => aborted.resolve())
    await new Promise(() => {})
  }
  const job = kind('hang', hang, { timeoutSeconds: 1, retryLimit: 0 })
  await using kernel = await openTestKernel({ address, jobs: [job], graceMs: 100 })
  await kernel.work()
  const id = (await kernel.ctx.jobs.send(job, { of: 'time' }))!
  await aborted.promise
  await eventually('it is dead', () => isIn(kernel, id, 'dead'))
  const { error } = (await kernel.queue.get(id))!
  assert.match((error as Error).message, /exceeded 1s/)
})

test('what cannot finish before the end is given back, and another process runs it at once', async () => {
  const { job, next } = stepped('give_back', { retryLimit: 0 })
  const first = await openTestKernel({ address, jobs: [job], graceMs: 200 })
  await first.work()
  const ids = [
    await first.ctx.jobs.send(job, { of: 'a' }),
    await first.ctx.jobs.send(job, { of: 'b' }),
  ]
  const polite = await next()
  await next()
  polite.signal.addEventListener('abort', () => polite.end(new Error('interrupted')))
  await first[Symbol.asyncDispose]()

  await using second = await openTestKernel({ address, jobs: [job] })
  for (const id of ids) assert.ok(await isIn(second, id, 'retrying'), 'nobody has to miss its beat')
  await second.work()
  for (const { end } of [await next(), await next()]) end()
  for (const id of ids) await eventually('it is done', () => isIn(second, id, 'completed'))
})

test('what is running at the end has its grace to finish', async () => {
  const { job, next } = stepped('grace')
  const first = await openTestKernel({ address, jobs: [job] })
  await first.work()
  const id = await first.ctx.jobs.send(job, { of: 'grace' })
  const { end, signal } = await next()
  const disposed = first[Symbol.asyncDispose]()
  await sleep(50)
  assert.equal(signal.aborted, false)
  end()
  await disposed
  await using second = await openTestKernel({ address, jobs: [job] })
  assert.ok(await isIn(second, id, 'completed'))
})
