import { sql } from 'kysely'
import { systemClock } from '#kernel/clock.ts'
import type { KeptRecords } from '#kernel/personal-records.ts'
import { openLocalStore } from '#kernel/storage/local.ts'
import { openTestKernel } from '#kernel/test-kernel.ts'
import { ownRecords } from '../own-records.ts'
import type { Tools } from '../tools.ts'
import { leavingJobs } from './jobs.ts'

/** The jobs, in a process that remembers nobody. What comes before our own part writes down each of its runs. */
export async function eraseJobs(root: string) {
  const store = await openLocalStore({
    ...{ root, publicUrl: () => 'http://gantry.test', clock: systemClock },
    signingKey: Buffer.alloc(32),
  })
  const failures = { clear: async () => {} }
  const tools: Pick<Tools, 'userChanged'> = { userChanged() {} }
  const records: KeptRecords[] = [
    {
      name: 'first',
      personal: {
        erase: async ({ db }, { userId }) =>
          void (await sql`insert into erasings (user_id) values (${userId})`.execute(db)),
      },
    },
    { name: 'identity', personal: ownRecords(() => ({ tools: { failures }, store })) },
  ]
  return leavingJobs(() => ({ tools: tools as Tools, records }))
}

// As a program: a worker that erases users until it is killed.
if (import.meta.main) {
  const { address, root } = JSON.parse(process.argv[2]!)
  const kernel = await openTestKernel({ address, jobs: await eraseJobs(root) })
  await kernel.work()
}
