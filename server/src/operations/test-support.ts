import assert from 'node:assert/strict'
import type { Clock } from '#kernel/clock.ts'
import type { DatabaseAddress } from '#kernel/db.ts'
import type { JobKind } from '#kernel/jobs.ts'
import { serve } from '#kernel/test-http.ts'
import { openTestKernel } from '#kernel/test-kernel.ts'
import { eventually } from '#kernel/test-support.ts'
import { addPeople, cloneDatabase, type TestDatabase } from '#test/database.ts'
import { operations, type OperationsParts, ProblemCounts, type RecoveryAction } from './index.ts'

/** Users of the test server, and what each may do. */
const USERS = {
  ann: ['recovery.run', 'jobs.read', 'jobs.write', 'errors.read'],
  bob: ['recovery.run', 'jobs.read'],
  eve: [],
}

/** A database in which the users of the test server have their rows. */
export async function databaseWithPeople(): Promise<TestDatabase> {
  const database = await cloneDatabase()
  await addPeople(database.address, Object.keys(USERS))
  return database
}

export interface ProcessOptions {
  /** Beside our own. */
  actions?: readonly RecoveryAction[]
  /** Beside our own. */
  jobs?: readonly JobKind[]
  /** Whether it runs jobs; it does unless told. */
  working?: boolean
  clock?: Clock
}

/** One process with the operations capability, served over HTTP. */
export async function startProcess(address: DatabaseAddress, options: ProcessOptions = {}) {
  const { actions = [], jobs = [], working = true, clock } = options
  const stack = new AsyncDisposableStack()
  const stopping = new AbortController()
  const capability = operations(() => parts)
  const kernel = stack.use(
    await openTestKernel({
      ...{ address, jobs: [...capability.jobs, ...jobs], graceMs: 100 },
      ...(clock && { clock }),
    }),
  )
  const counts = stack.use(new ProblemCounts(kernel.db, kernel.ctx.clock, kernel.log))
  let refreshed = 0
  const parts: OperationsParts = {
    jobs: kernel.queue,
    settings: { refresh: async () => void refreshed++ },
    problemCounts: counts,
    recoveryActions: actions,
    stopping: stopping.signal,
  }
  const server = stack.use(await serve(kernel, [capability], USERS))
  if (working) await kernel.work()
  const show = (id: string, as = 'ann') => server.request('GET', `/v1/operations/${id}`, { as })
  return {
    ...{ kernel, server, counts, stopping, show },
    refreshed: () => refreshed,
    get: (path: string, as = 'ann') => server.request('GET', path, { as }),
    /** Starts a recovery action. */
    recover: (action: string, headers?: Record<string, string>) =>
      server.request('POST', `/v1/admin/recovery/${action}`, { as: 'ann', headers }),
    /** The operation once it has ended. */
    ended: (id: string) =>
      eventually(`${id} has ended`, async () => {
        const { status, body } = await show(id)
        assert.equal(status, 200)
        return body.endedAt && body
      }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
