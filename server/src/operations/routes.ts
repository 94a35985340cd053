import { z } from 'zod'
import { pageOf } from '#kernel/http/cursor.ts'
import { Reply, route } from '#kernel/http/route.ts'
import { reportErrors } from './errors.ts'
import { Followers } from './follow.ts'
import { getJob, listJobs, retryJob } from './job-service.ts'
import type { runRecovery } from './jobs.ts'
import type { OperationsParts } from './parts.ts'
import { presentOperation } from './present.ts'
import { problems } from './problems.ts'
import { getRecovery, listActions, startRecovery } from './recovery.ts'
import {
  ErrorQuery,
  ErrorReport,
  Job,
  JobDetails,
  JobId,
  JobQuery,
  Operation,
  OperationId,
  RecoveryActionEntry,
  Started,
} from './schema.ts'
import { started } from './started.ts'
import { cancelOperation, getOwnOperation } from './service.ts'

type Running = () => OperationsParts

const AT = '2026-11-20T12:00:00.000Z'
const USER = 'usr_06f3k9w2m4qz7x8y1v5t0r6n3b'
const operation = {
  id: 'op_06f3k9w2m4qz7x8y1v5t0r6n3b',
  kind: 'recovery.retry-dead-jobs',
  userId: USER,
  status: 'running' as const,
  progress: { done: 100, total: 230 },
  createdAt: AT,
  startedAt: AT,
}
const job = {
  id: '5f0c2a51-9a0e-4c3a-8f8f-0b5d1a6e7c42',
  name: 'operations.purge_old',
  status: 'dead' as const,
  priority: 0,
  retries: 5,
  createdAt: AT,
  startAfter: AT,
}

export function operationRoutes(running: Running) {
  const followers = new Followers()
  return [
    route({
      method: 'GET',
      path: '/v1/operations/:id',
      summary: 'Show how far long work has come',
      description:
        'With `Accept: text/event-stream` the answer is a stream of `operation` events that ends with the operation, or after 10 minutes.',
      access: { signedIn: 'whoever started the operation', keys: true },
      params: z.strictObject({ id: OperationId }),
      returns: Operation,
      alsoReturns: ['text/event-stream'],
      streams: true,
      problems: [problems.operationNotFound, problems.tooManyFollowers],
      examples: { params: { id: operation.id }, reply: operation },
      handler: async (ctx, { params: { id }, request }) => {
        if (!request.prefers('text/event-stream')) {
          return presentOperation(await getOwnOperation(ctx, id))
        }
        const events = await followers.follow(ctx, id, running().stopping)
        return Reply.content(events, 'text/event-stream')
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/operations/:id',
      summary: 'Cancel long work',
      description:
        'Whoever started it may. What is done stays done, and what is being done this moment is finished first. A recovery action ' +
        'that looks at no progress runs to its end.',
      access: { signedIn: 'whoever started the operation' },
      params: z.strictObject({ id: OperationId }),
      returns: Operation,
      problems: [problems.operationNotFound, problems.operationEnded],
      examples: {
        params: { id: operation.id },
        reply: { ...operation, status: 'cancelled', endedAt: AT },
      },
      handler: async (ctx, { params }) => presentOperation(await cancelOperation(ctx, params.id)),
    }),
  ]
}

export function recoveryRoutes(running: Running, run: ReturnType<typeof runRecovery>) {
  return [
    route({
      method: 'GET',
      path: '/v1/admin/recovery',
      summary: 'List the recovery actions',
      access: 'recovery.run',
      returns: z.strictObject({ items: z.array(RecoveryActionEntry) }),
      examples: {
        reply: {
          items: [{ name: 'retry-dead-jobs', what: 'Run every job again that is dead' }],
        },
      },
      handler: () => ({ items: listActions(running()) }),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/recovery/:id',
      summary: 'Start a recovery action',
      description:
        '`id` is the name of the action. The work goes on after the answer; follow it at `Location`.',
      access: 'recovery.run',
      params: z.strictObject({ id: z.string().min(1).max(64) }),
      returns: Started,
      status: 202,
      problems: [problems.unknownAction],
      examples: { params: { id: 'retry-dead-jobs' }, reply: { operationId: operation.id } },
      idempotent: {
        resourceId: (reply) => (reply as Started).operationId,
        replay: async (_ctx, operationId) => started({ operationId }),
      },
      handler: async (ctx, { params }) =>
        started({ operationId: await startRecovery(ctx, running(), run, params.id) }),
    }),
    route({
      method: 'GET',
      path: '/v1/admin/recovery/:id',
      summary: 'Show a recovery that an operator has started',
      access: 'recovery.run',
      params: z.strictObject({ id: OperationId }),
      returns: Operation,
      problems: [problems.operationNotFound],
      examples: { params: { id: operation.id }, reply: operation },
      handler: async (ctx, { params }) => presentOperation(await getRecovery(ctx, params.id)),
    }),
  ]
}

export function jobRoutes(running: Running) {
  const params = z.strictObject({ id: JobId })
  const details = { ...job, sentBy: { kind: 'system' as const, name: 'cron' }, input: {} }
  return [
    route({
      method: 'GET',
      path: '/v1/admin/jobs',
      summary: 'List the jobs, the newest first',
      access: 'jobs.read',
      query: JobQuery,
      returns: pageOf(Job),
      examples: {
        query: { status: 'dead', limit: 20 },
        reply: { items: [job], nextCursor: null },
      },
      handler: (ctx, { query }) => listJobs(ctx, running().jobs, query),
    }),
    route({
      method: 'GET',
      path: '/v1/admin/jobs/:id',
      summary: 'Show a job with its input and its last error',
      access: 'jobs.read',
      params,
      returns: JobDetails,
      problems: [problems.jobNotFound],
      examples: {
        params: { id: job.id },
        reply: { ...details, error: { message: 'connection refused' } },
      },
      handler: (_ctx, { params }) => getJob(running().jobs, params.id),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/jobs/:id/retry',
      summary: 'Run a dead job again, with all its tries',
      access: 'jobs.write',
      params,
      returns: JobDetails,
      problems: [problems.jobNotFound, problems.jobNotDead, problems.jobKeyBusy],
      examples: { params: { id: job.id }, reply: { ...details, status: 'queued', retries: 0 } },
      handler: (ctx, { params }) => retryJob(ctx, running().jobs, params.id),
    }),
  ]
}

export function errorRoutes(running: Running) {
  return [
    route({
      method: 'GET',
      path: '/v1/admin/errors',
      summary: 'Count the refusals and failures by code, route and hour',
      description: 'Counts of other processes come in with up to 10 s delay.',
      access: 'errors.read',
      query: ErrorQuery,
      returns: ErrorReport,
      examples: {
        query: { since: '2026-11-20T11:00:00Z', until: '2026-11-20T12:00:00Z' },
        reply: {
          since: '2026-11-20T11:00:00.000Z',
          until: AT,
          total: 3,
          byCode: [{ code: 'auth.unauthenticated', status: 401, count: 3 }],
          byRoute: [{ route: '/api/v1/users/me', count: 3 }],
          trend: [{ hour: '2026-11-20T11:00:00.000Z', count: 3, serverErrors: 0 }],
        },
      },
      handler: async (ctx, { query }) => {
        await running().problemCounts.flush()
        return reportErrors(ctx, query)
      },
    }),
  ]
}
