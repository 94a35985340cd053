import type { z } from 'zod'
import type { Context } from './context.ts'

export interface SendOptions {
  /** Not before this time. */
  startAfter?: Date
  /** At most one job of this kind and key is queued, running or waiting for a retry at once. */
  uniqueKey?: string
  /** Higher runs first; 0 unless given. */
  priority?: number
}

/** The run of a job: what it may tell about itself. */
export interface JobRun {
  /** The same in all tries. */
  readonly id: string
  /** 0 at the first try. */
  readonly retries: number
  /** Keeps how far the job has come, for people to see. */
  progress(done: number, total: number | null, note?: string): Promise<void>
}

/** Work done later or on a clock, at least once. */
export interface JobKind<Input extends z.ZodType = z.ZodType> {
  /** `capability.verb_noun`. */
  readonly name: string
  readonly summary: string
  readonly input: Input
  /** Five cron fields, UTC; the input of such a job must accept `{}`. */
  readonly cron?: string
  /** Tries after the first; 5 unless given. Waits grow from 1 s, doubled with jitter, up to 10 min. */
  readonly retryLimit?: number
  /** How many run at once in one process; 2 unless given. */
  readonly concurrency?: number
  /** After this the run's signal is aborted and the try has failed; 5 min unless given. */
  readonly timeoutSeconds?: number
  run(ctx: Context, input: z.output<Input>, run: JobRun): Promise<void>
}

export function defineJob<Input extends z.ZodType>(job: JobKind<Input>): JobKind<Input> {
  return job
}

export { installQueue } from './jobs/install.ts'
export {
  type JobDetails,
  type JobFilter,
  type JobState,
  type JobSummary,
  jobStates,
} from './jobs/overview.ts'
export { JobQueue, type JobQueueOptions } from './jobs/queue.ts'
