import type { Context } from '#kernel/context.ts'
import type { OperationsParts } from './parts.ts'
import { presentJob, presentJobDetails } from './present.ts'
import { problems } from './problems.ts'
import type { JobDetails, JobQuery } from './schema.ts'

type Jobs = OperationsParts['jobs']

const LIST = 'operations.jobs'

export async function listJobs(ctx: Context, jobs: Jobs, query: JobQuery) {
  const { limit, status, name } = query
  const after = ctx.cursors.read(LIST, query.cursor)
  const page = await jobs.list({
    limit,
    ...(status && { state: status }),
    ...(name && { name }),
    ...(after && { after }),
  })
  const nextCursor = page.next && ctx.cursors.write(LIST, page.next)
  return { items: page.jobs.map(presentJob), nextCursor }
}

/** @throws problem `job.not_found` */
export async function getJob(jobs: Jobs, id: string): Promise<JobDetails> {
  const job = await jobs.get(id)
  if (!job) throw problems.jobNotFound({ id })
  return presentJobDetails(job)
}

/** Gives a dead job all its tries again. @throws problem `job.not_found`, `job.not_dead` or `job.key_busy` */
export async function retryJob(ctx: Context, jobs: Jobs, id: string): Promise<JobDetails> {
  const retried = await jobs.retry(id)
  const job = await getJob(jobs, id)
  if (retried) ctx.log.info({ job: id, name: job.name }, 'dead job queued again')
  else if (job.status === 'dead') throw problems.jobKeyBusy({ uniqueKey: job.uniqueKey })
  else throw problems.jobNotDead({ status: job.status })
  return job
}
