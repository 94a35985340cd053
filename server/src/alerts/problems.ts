import { defineProblems } from '#kernel/problem.ts'

export const problems = defineProblems({
  notFound: {
    code: 'alert.not_found',
    status: 404,
    title: 'No such alert',
    detail: 'There is no alert {id}.',
  },
})
