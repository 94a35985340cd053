import { defineProblems } from '#kernel/problem.ts'

export const problems = defineProblems({
  notFound: {
    code: 'mail.not_found',
    status: 404,
    title: 'No such mail',
    detail: 'There is no mail {id}.',
  },
  invalidValue: {
    code: 'mail.invalid_value',
    status: 400,
    title: 'That cannot stand in a mail',
    detail: 'The value `{name}` has line ends or control characters, or is too long.',
    suggestion: 'Use one line of plain text.',
  },
})
