import type pg from 'pg'
import type { Context } from '../context.ts'
import type { JobKind, JobRun } from '../jobs.ts'
import type { Situation } from '../kernel.ts'
import type { Telemetry } from '../telemetry.ts'
import type { Taken } from './workers.ts'

interface RunOptions {
  pool: Pick<pg.Pool, 'query'>
  contextFor: (situation: Situation) => Context
  telemetry: Pick<Telemetry, 'job'>
  job: JobKind
  taken: Taken
  signal: AbortSignal
}

/** Runs one try of a job. Returns what it failed with. */
export async function runJob(options: RunOptions): Promise<{ error: unknown } | undefined> {
  const { job, taken, contextFor, telemetry, signal } = options
  const { input, accountId, correlationId } = taken.data
  const startedMs = performance.now()
  const report = (outcome: 'done' | 'failed') =>
    telemetry.job(job.name, outcome, (performance.now() - startedMs) / 1000)
  try {
    const actor = { kind: 'system', name: `job:${job.name}` } as const
    const ctx = contextFor({ actor, accountId, correlationId, signal })
    await job.run(ctx, job.input.parse(input), jobRun(options.pool, taken, ctx))
    report('done')
    return undefined
  } catch (error) {
    report('failed')
    return { error }
  }
}

function jobRun(pool: RunOptions['pool'], taken: Taken, { clock }: Context): JobRun {
  const id = taken.sourceRootId ?? taken.id
  return {
    id,
    retries: taken.retryCount,
    progress: async (done, total, note) => {
      await pool.query(
        `insert into job_progress (job_id, done, total, note, updated_at) values ($1, $2, $3, $4, $5)
        on conflict (job_id) do update
        set done = excluded.done, total = excluded.total, note = excluded.note, updated_at = excluded.updated_at`,
        [id, done, total, note ?? null, clock.now()],
      )
    },
  }
}
