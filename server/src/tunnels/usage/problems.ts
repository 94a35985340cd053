import { defineProblems } from '#kernel/problem.ts'

export const usageProblems = defineProblems({
  wrongSpan: {
    code: 'tunnel.wrong_span',
    status: 400,
    title: 'That span of time cannot be shown',
    detail: 'There is nothing to show for these times: {reason}.',
    suggestion: 'Ask for a shorter span, or for longer steps.',
  },
  requestGone: {
    code: 'tunnel.request_not_found',
    status: 404,
    title: 'No such request',
    detail: 'The request {id} is not among the last ones of the tunnel any more.',
    suggestion: 'List those that are kept with GET /api/v1/tunnels/:id/requests.',
  },
  notReplayable: {
    code: 'tunnel.request_not_replayable',
    status: 409,
    title: 'That request cannot be made again',
    detail: 'The request {id} cannot be made again.',
  },
  relaySilent: {
    code: 'tunnel.relay_silent',
    status: 503,
    title: 'A relay did not answer',
    detail: 'What was asked for may be kept by a relay that did not answer in time.',
    suggestion: 'Try again in a few seconds.',
    level: 'warn',
  },
})
