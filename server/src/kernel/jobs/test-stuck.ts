import { z } from 'zod'
import { defineJob, type JobRun } from '../jobs.ts'
import { openTestKernel } from '../test-kernel.ts'

export function stuck(run: (run: JobRun) => Promise<void>) {
  return defineJob({
    name: 'test.stuck',
    summary: 'Tells that it runs',
    input: z.object({}),
    run: (_ctx, _input, jobRun) => run(jobRun),
  })
}

// As a program: a worker that begins and does not end, until it is killed.
if (import.meta.main) {
  const job = stuck(async () => {
    process.stdout.write('running')
    await new Promise(() => {})
  })
  const address = JSON.parse(process.argv[2]!)
  const kernel = await openTestKernel({ address, jobs: [job] })
  await kernel.work()
}
