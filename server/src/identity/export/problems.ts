import { defineProblems } from '#kernel/problem.ts'

export const exportProblems = defineProblems({
  notFound: {
    code: 'export.not_found',
    status: 404,
    title: 'No such export',
    detail: 'There is no export {id} of your data, or it has been deleted.',
    suggestion: 'Ask for a new one with `POST /v1/users/me/export`.',
  },
  underWay: {
    code: 'export.under_way',
    status: 409,
    title: 'Your data is being exported',
    detail: 'One export of a user is made at a time.',
    suggestion: 'Wait for the mail that tells of its end.',
  },
  notReady: {
    code: 'export.not_ready',
    status: 409,
    title: 'The export is not ready',
    detail: 'The export {id} is {status}.',
    suggestion: 'Wait for the mail; ask for a new one if it has failed.',
  },
})
