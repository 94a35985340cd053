import { openTestKernel } from '#kernel/test-kernel.ts'
import type { Tools } from '../../tools.ts'
import { runBulk } from './job.ts'

/** The job, in a process that remembers nobody. */
export function bulkJob() {
  const tools: Pick<Tools, 'userChanged' | 'revoked'> = { userChanged() {}, revoked() {} }
  return runBulk(() => tools as Tools)
}

// As a program: a worker that changes users until it is killed.
if (import.meta.main) {
  const { address } = JSON.parse(process.argv[2]!)
  const kernel = await openTestKernel({ address, jobs: [bulkJob()] })
  await kernel.work()
}
