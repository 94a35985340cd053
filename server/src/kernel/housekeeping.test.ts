import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cloneDatabase } from '#test/database.ts'
import { housekeeping } from './housekeeping.ts'
import { openTestKernel } from './test-kernel.ts'
import { eventually } from './test-support.ts'

test('the kernel keeps its tables as the product, and forgets the progress of jobs long gone', async () => {
  await using database = await cloneDatabase()
  const { address } = database
  await using kernel = await openTestKernel({ address, jobs: housekeeping })
  const { db, ctx, queue } = kernel
  const progress = (jobId: string, updatedAt: Date) => ({ jobId, done: 1, updatedAt })
  const old = new Date(Date.now() - 61 * 24 * 60 * 60 * 1000)
  await db
    .insertInto('jobProgress')
    .values([progress('old', old), progress('new', new Date())])
    .execute()

  await kernel.work()
  const ids = await Promise.all(housekeeping.map((job) => ctx.jobs.send(job, {})))
  for (const id of ids) {
    await eventually('it is done', async () => (await queue.get(id!))?.state === 'completed')
  }
  const kept = await db.selectFrom('jobProgress').select('jobId').execute()
  assert.deepEqual(kept, [{ jobId: 'new' }])
})
