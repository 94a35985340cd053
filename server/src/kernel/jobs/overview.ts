import type pg from 'pg'
import type { PgBoss } from 'pg-boss'
import type { Actor } from '../context.ts'
import type { Place } from '../http/cursor.ts'
import { redact } from '../log.ts'
import { DEAD_LETTERS, type Envelope, uniqueKeyOf } from './envelope.ts'
import { QUEUE_SCHEMA } from './install.ts'

/** `retrying` waits for its next try; `dead` has used them all up, and runs again only when somebody asks. */
export const jobStates = ['queued', 'retrying', 'active', 'completed', 'dead'] as const
export type JobState = (typeof jobStates)[number]

/** One job as an admin sees it. */
export interface JobSummary {
  /** The same through all its lives: a dead job that is tried again keeps it. */
  id: string
  name: string
  state: JobState
  priority: number
  retries: number
  uniqueKey: string | null
  accountId: string | null
  correlationId: string | null
  createdAt: Date
  /** Not before this. */
  startAfter: Date
  startedAt: Date | null
  finishedAt: Date | null
  progress: { done: number; total: number | null; note: string | null } | null
}

export interface JobDetails extends JobSummary {
  sentBy: Actor
  /** Without what is named or looks like a secret; so is the error. */
  input: unknown
  /** Of the last try that failed. */
  error: unknown
}

export interface JobFilter {
  state?: JobState
  name?: string
  limit: number
  after?: Place
}

type Database = Pick<pg.Pool, 'query'>

/** Those that were sent, or have died, last come first. `next` is where the next page starts. */
export async function listJobs(
  pool: Database,
  { state, name, limit, after }: JobFilter,
): Promise<{ jobs: JobSummary[]; next: Place | null }> {
  const { rows } = await pool.query<Row>(
    `${SELECT}
    where ${state ? IN_STATE[state] : SHOWN}
      and ($1::text is null or job.name = $1 or (job.name = '${DEAD_LETTERS}' and job.source_name = $1))
      and ($2::timestamptz is null or (job.created_on, job.id) < ($2, $3::uuid))
    order by job.created_on desc, job.id desc
    limit $4`,
    [name ?? null, after?.time ?? null, after?.id ?? null, limit + 1],
  )
  const kept = rows.slice(0, limit)
  const last = rows.length > limit ? kept.at(-1) : undefined
  return { jobs: kept.map(summary), next: last ? { time: last.place, id: last.rowId } : null }
}

export async function findJob(pool: Database, id: string): Promise<JobDetails | undefined> {
  const row = await findRow(pool, id)
  if (!row) return undefined
  return {
    ...summary(row),
    sentBy: row.data.sentBy,
    input: redact(row.data.input),
    error: redact(row.error),
  }
}

/** How many jobs of each kind are in each state that still asks for something. */
export async function countJobs(
  pool: Database,
): Promise<{ name: string; state: JobState; count: number }[]> {
  const { rows } = await pool.query(
    `select ${NAME} as name, ${STATE} as state, count(*)::int as count from ${QUEUE_SCHEMA}.job
    where ${SHOWN} and state <= 'active' group by 1, 2 order by 1, 2`,
  )
  return rows
}

/** Age of the oldest job that is due and has not begun; 0 when none is waiting. */
export async function oldestDueSeconds(pool: Database): Promise<number> {
  const { rows } = await pool.query<{ age: number }>(
    `select coalesce(extract(epoch from now() - min(job.start_after)), 0)::float8 as age
    from ${QUEUE_SCHEMA}.job
    where ${LIVING} and state < 'active' and not blocked and start_after <= now()`,
  )
  return rows[0]!.age
}

/** Runs a dead job again, with all its tries; false when there is no such dead job or its unique key is queued already. */
export async function retryJob(boss: PgBoss, pool: Database, id: string): Promise<boolean> {
  const row = await findRow(pool, id)
  if (row?.state !== 'dead') return false
  if ((await boss.redrive(DEAD_LETTERS, { ids: [row.rowId] })) > 0) return true
  // The queue has marked the refusal as a failure of the dead letter itself, which is to stay as it was.
  await boss.retry(DEAD_LETTERS, row.rowId)
  return false
}

const STATE = `case when job.name = '${DEAD_LETTERS}' then 'dead' else case job.state
  when 'created' then 'queued' when 'retry' then 'retrying' else job.state::text end end`
const NAME = `coalesce(job.source_name, job.name)`
const OURS = `not starts_with(job.name, '__pgboss__')`
const LIVING = `job.name <> '${DEAD_LETTERS}' and ${OURS}`
/** A job that has died is shown by its dead letter, and pg-boss's own work is not shown. */
const SHOWN = `(job.state <> 'failed' or job.name = '${DEAD_LETTERS}') and ${OURS}`

const IN_STATE: Record<JobState, string> = {
  queued: `job.state = 'created' and ${LIVING}`,
  retrying: `job.state = 'retry' and ${LIVING}`,
  active: `job.state = 'active' and ${LIVING}`,
  completed: `job.state = 'completed' and ${LIVING}`,
  dead: `job.name = '${DEAD_LETTERS}'`,
}

const SELECT = `
  select job.id as "rowId", coalesce(job.source_root_id, job.id) as id, ${NAME} as name, ${STATE} as state,
    job.priority, coalesce(job.source_retry_count, job.retry_count) as retries, job.singleton_key as "queueKey",
    job.data, coalesce(job.source_output, job.output) as error,
    coalesce(job.source_created_on, job.created_on) as "createdAt", job.start_after as "startAfter",
    job.started_on as "startedAt",
    case when job.name = '${DEAD_LETTERS}' then job.created_on else job.completed_on end as "finishedAt",
    to_char(job.created_on at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as place,
    case when progress.job_id is not null
      then json_build_object('done', progress.done, 'total', progress.total, 'note', progress.note) end as progress
  from ${QUEUE_SCHEMA}.job
  left join job_progress progress on progress.job_id = coalesce(job.source_root_id, job.id)::text`

interface Row extends Omit<JobSummary, 'accountId' | 'correlationId' | 'uniqueKey'> {
  rowId: string
  queueKey: string | null
  data: Envelope
  error: unknown
  place: string
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The present life of a job. Its name is asked for too, since the key of the table begins with it. */
async function findRow(pool: Database, id: string): Promise<Row | undefined> {
  if (!UUID.test(id)) return undefined
  const { rows } = await pool.query<Row>(
    `${SELECT}
    where ${SHOWN} and (job.source_root_id = $1
      or (job.id = $1 and job.name = any(array(select name from ${QUEUE_SCHEMA}.queue))))
    order by job.created_on desc limit 1`,
    [id],
  )
  return rows[0]
}

function summary({
  rowId: _rowId,
  place: _place,
  error: _error,
  queueKey,
  data,
  ...row
}: Row): JobSummary {
  return {
    ...row,
    uniqueKey: uniqueKeyOf(queueKey),
    accountId: data.accountId ?? null,
    correlationId: data.correlationId ?? null,
  }
}
