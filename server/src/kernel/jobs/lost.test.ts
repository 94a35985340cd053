import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { cloneDatabase } from '#test/database.ts'
import type { JobRun } from '../jobs.ts'
import { openTestKernel } from '../test-kernel.ts'
import { eventually } from '../test-support.ts'
import { stuck } from './test-stuck.ts'

test('the job of a worker that is killed runs again in another process', async () => {
  await using database = await cloneDatabase()
  const { address } = database
  const runs: JobRun[] = []
  const job = stuck(async (run) => void runs.push(run))
  await using kernel = await openTestKernel({ address, jobs: [job] })
  const program = import.meta.resolve('./test-stuck.ts').slice('file://'.length)
  const worker = spawn(process.execPath, [program, JSON.stringify(address)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const id = await kernel.ctx.jobs.send(job, {})
  await once(worker.stdout, 'data', { signal: AbortSignal.timeout(60_000) })
  worker.kill('SIGKILL')
  await once(worker, 'exit')

  await kernel.work()
  await eventually('it runs again', () => runs.length > 0, 60_000)
  assert.deepEqual(
    runs.map(({ id, retries }) => ({ id, retries })),
    [{ id, retries: 1 }],
  )
})
