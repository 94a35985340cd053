import { defineProblems } from '#kernel/problem.ts'

export const problems = defineProblems({
  notFound: {
    code: 'audit.not_found',
    status: 404,
    title: 'No such audit entry',
    detail: 'The log has no entry {id}.',
  },
  searchTooWide: {
    code: 'audit.search_too_wide',
    status: 400,
    title: 'That search takes too long',
    detail: 'Nothing was found within {seconds} s of looking.',
    suggestion: 'Narrow it with `from` and `to`, or name an actor, a target or an action.',
  },
  wrongSpan: {
    code: 'audit.wrong_span',
    status: 400,
    title: 'That span of time cannot be exported',
    detail: '`from` must be before `to`, by at most {days} days.',
    suggestion: 'Export a longer time in several parts.',
  },
  tooManyExports: {
    code: 'audit.too_many_exports',
    status: 429,
    title: 'Too many exports at once',
    detail: 'This process is sending {limit} exports already.',
    suggestion: 'Wait until one of them has ended.',
  },
})
