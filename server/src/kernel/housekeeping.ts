import { z } from 'zod'
import { makeEventPartitions } from './events.ts'
import { defineJob, type JobKind } from './jobs.ts'

const Nothing = z.strictObject({})

/** Also done whenever readers start; this is for processes that run for months. */
const makePartitions = defineJob({
  name: 'kernel.make_event_partitions',
  summary: 'Makes the event log a partition for each of the next months',
  input: Nothing,
  cron: '17 3 * * *',
  run: (ctx) => makeEventPartitions(ctx.db),
})

const KEPT_DAYS = 60

/** Longer than any job is kept. */
const deleteProgress = defineJob({
  name: 'kernel.delete_old_progress',
  summary: 'Deletes the progress of jobs that are gone',
  input: Nothing,
  cron: '27 3 * * *',
  run: async ({ db, clock }) => {
    const before = new Date(clock.now().getTime() - KEPT_DAYS * 24 * 60 * 60 * 1000)
    await db.deleteFrom('jobProgress').where('updatedAt', '<', before).execute()
  },
})

/** What the kernel's own tables need done, for the manifest. */
export const housekeeping: readonly JobKind[] = [makePartitions, deleteProgress]
