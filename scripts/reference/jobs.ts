import type { Capability } from '../../server/src/kernel/capability.ts'
import type { JobKind } from '../../server/src/kernel/jobs.ts'
import { code, page, table } from './markdown.ts'

/** What a job gets that does not say otherwise. */
const STANDARD = { retryLimit: 5, concurrency: 2, timeoutSeconds: 300 }

const HEAD = ['Job', 'What it does', 'When', 'Tries', 'At once', 'Time for a run']

export function renderJobs(capabilities: readonly Capability[]): string {
  const jobs = capabilities.flatMap((capability) => capability.jobs ?? [])
  return page('Jobs', 'the jobs of every capability', [
    'Work done later or on a clock (UTC), at least once. A failed run is tried again after a wait that doubles; the job of a killed\n' +
      'worker runs again within 30 seconds.',
    jobs.length > 0 ? table(HEAD, jobs.map(row)).join('\n') : 'There are none so far.',
  ])
}

function row(job: JobKind): string[] {
  const { retryLimit, concurrency, timeoutSeconds } = { ...STANDARD, ...job }
  return [
    code(job.name),
    job.summary,
    job.cron ? code(job.cron) : 'when asked for',
    String(retryLimit + 1),
    String(concurrency),
    `${timeoutSeconds} s`,
  ]
}
