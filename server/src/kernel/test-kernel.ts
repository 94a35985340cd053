import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { type Clock, systemClock } from './clock.ts'
import type { Context } from './context.ts'
import { makeKeyring } from './crypto.ts'
import { APP_ROLE, DatabasePool, type DatabaseAddress, type Db } from './db.ts'
import { Doorbell } from './doorbell.ts'
import { EventLog, EventReaders, type Reader, settleEpoch } from './events.ts'
import { Cursors } from './http/cursor.ts'
import { openIds } from './ids.ts'
import { type JobKind, JobQueue } from './jobs.ts'
import { type KernelParts, makeContext, type Situation } from './kernel.ts'
import { type Logger, openLog } from './log.ts'
import { openTelemetry } from './telemetry.ts'

export interface TestKernel extends AsyncDisposable {
  db: Db
  pool: pg.Pool
  doorbell: Doorbell
  events: EventLog
  queue: JobQueue
  log: Logger
  /** A context of nobody in particular. */
  ctx: Context
  contextFor: (situation: Situation) => Context
  /** Runs readers until the kernel is disposed of. */
  read(readers: readonly Reader[]): Promise<EventReaders>
  /** Runs the jobs until the kernel is disposed of. */
  work(): Promise<void>
}

export interface TestKernelOptions {
  address: DatabaseAddress
  jobs?: readonly JobKind[]
  graceMs?: number
  clock?: Clock
  /** For kernels of several processes that read what the others have sealed. */
  masterKey?: Uint8Array
}

/** What `core.ts` makes of one process, as far as events and jobs go, under the product's own role. */
export async function openTestKernel(options: TestKernelOptions): Promise<TestKernel> {
  const { address, jobs = [], graceMs, clock = systemClock } = options
  const { masterKey = randomBytes(32) } = options
  const stack = new AsyncDisposableStack()
  const sink = await openLog({ levels: { default: 'fatal', byCategory: {} }, console: 'json' })
  const log = sink.root
  const { db, pool } = stack.use(new DatabasePool({ address, poolSize: 8, log, role: APP_ROLE }))
  await settleEpoch(db)
  const doorbell = stack.use(new Doorbell({ address, role: APP_ROLE, pool, log }))
  const telemetry = openTelemetry()
  const queue = stack.use(
    await JobQueue.open({ pool, jobs, doorbell, log, telemetry, ...(graceMs && { graceMs }) }),
  )
  const newId = openIds(clock)
  const events = new EventLog({ clock, newId, doorbell })
  const parts: KernelParts = {
    db,
    clock,
    newId,
    log: sink,
    events,
    jobs: queue,
    telemetry,
    cursors: new Cursors(randomBytes(32)),
    keyring: makeKeyring(masterKey),
    publicUrl: () => 'http://gantry.test',
    settings: { get: (setting) => setting.default, isOn: (flag) => flag.default },
    stopping: new AbortController().signal,
  }
  const contextFor = (situation: Situation) => makeContext(parts, situation)
  return {
    db,
    pool,
    doorbell,
    events,
    queue,
    log,
    ctx: contextFor({ actor: { kind: 'system', name: 'test' } }),
    contextFor,
    read: async (readers) => {
      const running = stack.use(
        new EventReaders({ db, readers, doorbell, contextFor, log, ...(graceMs && { graceMs }) }),
      )
      await running.start()
      return running
    },
    work: () => queue.work(contextFor),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
