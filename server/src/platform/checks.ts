import { sql } from 'kysely'
import type { Check } from '#kernel/health.ts'
import type { ReaderState } from '#kernel/events.ts'
import type { PlatformParts } from './parts.ts'

/** A job that is due begins within a second while a worker runs. */
const QUEUE_LATE_SECONDS = 60
const READER_LATE_SECONDS = 30

/** Checks of what every process stands on. */
export function checks(running: () => PlatformParts): Check[] {
  return [
    {
      name: 'database',
      what: 'PostgreSQL answers a query',
      critical: true,
      run: async (ctx) => {
        await sql`select 1`.execute(ctx.db)
        return { status: 'ok' }
      },
    },
    {
      name: 'objects',
      what: 'The object store takes and gives objects',
      critical: false,
      run: async () => {
        await running().store.check()
        return { status: 'ok' }
      },
    },
    {
      name: 'queue',
      what: 'Jobs that are due are being run',
      critical: false,
      run: async () => queueHealth(running().jobs),
    },
    {
      name: 'events',
      what: 'Readers keep up with the event log',
      critical: false,
      run: async () => readersHealth(await running().readerStates()),
    },
  ]
}

type Health = Awaited<ReturnType<Check['run']>>

async function queueHealth(jobs: PlatformParts['jobs']): Promise<Health> {
  const oldestDueSeconds = await jobs.oldestDueSeconds()
  if (oldestDueSeconds > QUEUE_LATE_SECONDS) {
    const waited = `A job has been due for ${Math.round(oldestDueSeconds)} s`
    return { status: 'degraded', detail: `${waited}: is a process with the worker role up?` }
  }
  const dead = sum((await jobs.counts()).filter(({ state }) => state === 'dead'))
  if (dead === 0) return { status: 'ok' }
  return { status: 'ok', detail: `${dead} given up after the last try; see GET /v1/admin/jobs.` }
}

function sum(counted: readonly { count: number }[]): number {
  return counted.reduce((total, { count }) => total + count, 0)
}

function readersHealth(readers: readonly ReaderState[]): Health {
  const failing = readers.filter(({ failures }) => failures > 0)
  if (failing.length > 0) {
    const names = failing.map(({ name, failures }) => `${name} (${failures} tries)`)
    return { status: 'degraded', detail: `Stuck on an event: ${names.join(', ')}.` }
  }
  const late = readers.filter(({ lagSeconds }) => lagSeconds > READER_LATE_SECONDS)
  if (late.length === 0) return { status: 'ok' }
  const names = late.map(({ name, lagSeconds }) => `${name} (${Math.round(lagSeconds)} s)`)
  return { status: 'degraded', detail: `Behind: ${names.join(', ')}.` }
}
