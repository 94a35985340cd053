import { httpProblems } from '#kernel/http/problems.ts'
import { defineProblems } from '#kernel/problem.ts'

const own = defineProblems({
  unknownCheck: {
    code: 'health.unknown_check',
    status: 404,
    title: 'No such health check',
    detail: 'There is no check `{check}`.',
    suggestion: 'Ask for one of: {known}.',
  },
  notReady: {
    code: 'health.not_ready',
    status: 503,
    title: 'The server is not ready',
    suggestion: 'Send traffic elsewhere until this answers 200; /health shows every check.',
  },
  metricsForbidden: {
    code: 'metrics.forbidden',
    status: 403,
    title: 'Metrics are not open to this address',
    suggestion:
      'Ask from the machine itself, add the address to `METRICS_ALLOW`, or send `METRICS_TOKEN` as a bearer token.',
  },
  unknownFile: {
    code: 'console.unknown_file',
    status: 404,
    title: 'The console has no such file',
    suggestion: 'Open / for the console.',
  },
})

/** The platform's own refusals, and those that any route may give. */
export const problems = { ...httpProblems, ...own }
