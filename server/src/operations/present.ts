import type { JobDetails as KernelJob, JobSummary } from '#kernel/jobs.ts'
import type { Job, JobDetails, Operation } from './schema.ts'
import type { OperationRow } from './tables.ts'

export function presentOperation(row: OperationRow): Operation {
  const { id, kind, userId, status, done, total, note, result, error } = row
  return {
    ...{ id, kind, userId, status },
    progress: progress({ done, total, note }),
    ...(status === 'succeeded' && { result }),
    ...(error && { error }),
    createdAt: row.createdAt.toISOString(),
    ...(row.startedAt && { startedAt: row.startedAt.toISOString() }),
    ...(row.endedAt && { endedAt: row.endedAt.toISOString() }),
  }
}

export function presentJob(job: JobSummary): Job {
  const { id, name, state, priority, retries, uniqueKey, accountId, correlationId } = job
  return {
    ...{ id, name, status: state, priority, retries },
    ...(uniqueKey !== null && { uniqueKey }),
    ...(accountId !== null && { accountId }),
    ...(correlationId !== null && { correlationId }),
    ...(job.progress && { progress: progress(job.progress) }),
    createdAt: job.createdAt.toISOString(),
    startAfter: job.startAfter.toISOString(),
    ...(job.startedAt && { startedAt: job.startedAt.toISOString() }),
    ...(job.finishedAt && { finishedAt: job.finishedAt.toISOString() }),
  }
}

export function presentJobDetails(job: KernelJob): JobDetails {
  const { sentBy, input, error } = job
  return {
    ...presentJob(job),
    sentBy: {
      kind: sentBy.kind,
      ...(sentBy.kind === 'system' && { name: sentBy.name }),
      ...('userId' in sentBy && { userId: sentBy.userId }),
    },
    input,
    ...(error !== null && { error }),
  }
}

function progress({ done, total, note }: NonNullable<JobSummary['progress']>) {
  return { done, ...(total !== null && { total }), ...(note !== null && { note }) }
}
