import { defineProblems } from '#kernel/problem.ts'

export const problems = defineProblems({
  operationNotFound: {
    code: 'operation.not_found',
    status: 404,
    title: 'No such operation',
    detail: 'There is no operation `{id}` that this account has started.',
    suggestion: 'Ended operations are kept for 30 days.',
  },
  operationEnded: {
    code: 'operation.ended',
    status: 409,
    title: 'The operation has ended already',
    detail: 'The operation `{id}` has {status}.',
    suggestion: 'What it has done cannot be undone by cancelling it.',
  },
  tooManyFollowers: {
    code: 'operation.too_many_followers',
    status: 503,
    title: 'Too many operations are being followed',
    suggestion: 'Try again in a few seconds, or ask for the operation without `text/event-stream`.',
  },
  unknownAction: {
    code: 'recovery.unknown_action',
    status: 404,
    title: 'No such recovery action',
    detail: 'There is no recovery action `{action}`.',
    suggestion: 'Take one of: {known}.',
  },
  jobNotFound: {
    code: 'job.not_found',
    status: 404,
    title: 'No such job',
    detail: 'There is no job `{id}`.',
    suggestion: 'Jobs that are done are kept for a day, dead ones for 30 days.',
  },
  jobNotDead: {
    code: 'job.not_dead',
    status: 409,
    title: 'Only a dead job can be run again',
    detail: 'The job is {status}.',
    suggestion: 'Wait until it has used up its tries, or is done.',
  },
  jobKeyBusy: {
    code: 'job.key_busy',
    status: 409,
    title: 'A job with the same key is waiting or running',
    detail: 'Only one job with the key `{uniqueKey}` may be queued.',
    suggestion: 'Let that one end; then try again.',
  },
})
