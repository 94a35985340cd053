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
  requestPrivate: {
    code: 'tunnel.request_private',
    status: 403,
    title: 'What was inspected is private to the person',
    detail:
      'The request {id} was kept with headers and bodies, which staff who act as somebody do not see.',
    suggestion: 'Look at it in GET /api/v1/tunnels/:id/requests, or ask them to look at it.',
  },
  notReplayable: {
    code: 'tunnel.request_not_replayable',
    status: 409,
    title: 'That request cannot be made again',
    detail: 'The request {id} cannot be made again.',
  },
  replayUnsure: {
    code: 'tunnel.replay_unsure',
    status: 504,
    title: 'Nobody knows whether the request was made again',
    detail: 'The relay that keeps the request {id} did not say in time what became of it.',
    suggestion: 'Look among the last requests before you try again.',
    level: 'warn',
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
