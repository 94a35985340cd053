import { z } from 'zod'
import { PageQuery } from '#kernel/http/cursor.ts'
import { jobStates } from '#kernel/jobs.ts'
import { states } from './states.ts'

export const OperationId = z.string().min(1).max(64).meta({ description: '`op_…`' })

const Progress = z.strictObject({
  done: z.int(),
  total: z.int().optional().meta({ description: 'Absent while nobody knows' }),
  note: z.string().optional(),
})

export const Operation = z
  .strictObject({
    id: OperationId,
    kind: z.string().meta({ description: 'What is done: `recovery.retry-dead-jobs`' }),
    userId: z.string().meta({ description: 'Who started it' }),
    status: z.enum(states.names),
    progress: Progress,
    result: z.unknown().optional().meta({ description: 'Of one that has succeeded' }),
    error: z
      .strictObject({ code: z.string(), message: z.string(), correlationId: z.string() })
      .optional()
      .meta({ description: 'Of one that has failed' }),
    createdAt: z.iso.datetime(),
    startedAt: z.iso.datetime().optional(),
    endedAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'Operation' })
export type Operation = z.output<typeof Operation>

export const Started = z.strictObject({ operationId: OperationId }).meta({ id: 'StartedOperation' })
export type Started = z.output<typeof Started>

export const RecoveryActionEntry = z
  .strictObject({ name: z.string(), what: z.string() })
  .meta({ id: 'RecoveryAction' })

/** PostgreSQL has no year 0; and nothing was counted before this century. */
const time = z.iso
  .datetime()
  .regex(/^[2-9]/, 'must be in or after the year 2000')
  .optional()

export const ErrorQuery = z.strictObject({
  since: time.meta({ description: 'A day before `until` unless given' }),
  until: time.meta({ description: 'Now unless given' }),
})
export type ErrorQuery = z.output<typeof ErrorQuery>

const count = z.int()

export const ErrorReport = z
  .strictObject({
    since: z.iso.datetime(),
    until: z.iso.datetime(),
    total: count,
    byCode: z.array(z.strictObject({ code: z.string(), status: z.int(), count })),
    byRoute: z.array(
      z.strictObject({
        route: z.string().meta({ description: '`none` where no route answers the path' }),
        count,
      }),
    ),
    trend: z
      .array(z.strictObject({ hour: z.iso.datetime(), count, serverErrors: count }))
      .meta({ description: 'Hour by hour; `serverErrors` are those with status 500 and above' }),
  })
  .meta({ id: 'ErrorReport' })
export type ErrorReport = z.output<typeof ErrorReport>

export const JobId = z.string().min(1).max(64)

const job = {
  id: JobId,
  name: z.string(),
  status: z.enum(jobStates).meta({
    description: '`retrying` waits for its next try; `dead` has used them all up',
  }),
  priority: z.int(),
  retries: z.int().meta({ description: 'Tries after the first' }),
  uniqueKey: z.string().optional(),
  accountId: z.string().optional(),
  correlationId: z.string().optional(),
  progress: Progress.optional(),
  createdAt: z.iso.datetime(),
  startAfter: z.iso.datetime().meta({ description: 'Not before this' }),
  startedAt: z.iso.datetime().optional(),
  finishedAt: z.iso.datetime().optional(),
}

export const Job = z.strictObject(job).meta({ id: 'Job' })
export type Job = z.output<typeof Job>

export const JobDetails = z
  .strictObject({
    ...job,
    sentBy: z.strictObject({
      kind: z.enum(['anonymous', 'system', 'user', 'key']),
      name: z.string().optional(),
      userId: z.string().optional(),
    }),
    input: z.unknown().meta({ description: 'Without what looks like a secret' }),
    error: z.unknown().optional().meta({ description: 'Of the last try that failed' }),
  })
  .meta({ id: 'JobDetails' })
export type JobDetails = z.output<typeof JobDetails>

export const JobQuery = PageQuery.extend({
  status: z.enum(jobStates).optional(),
  name: z.string().min(1).max(100).optional().meta({ description: 'Jobs of this kind only' }),
})
export type JobQuery = z.output<typeof JobQuery>
