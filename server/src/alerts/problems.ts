import { defineProblems } from '#kernel/problem.ts'

export const problems = defineProblems({
  notFound: {
    code: 'alert.not_found',
    status: 404,
    title: 'No such alert',
    detail: 'There is no alert {id}.',
  },
  tooManyMisses: {
    code: 'request.too_many_misses',
    status: 429,
    title: 'Too many requests for what is not there',
    detail:
      '{limit} requests within 15 minutes, of yours or of your API keys, named different things that are not there.',
    suggestion: 'List what there is in place of guessing ids, and wait as `Retry-After` says.',
  },
})
