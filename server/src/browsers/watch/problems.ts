import { defineProblems } from '#kernel/problem.ts'

/** How a download can be refused to the one who wants to read it. */
export const downloadProblems = defineProblems({
  downloadNotFound: {
    code: 'download.not_found',
    status: 404,
    title: 'No such download',
    detail: 'There is no download {id} in this session.',
    suggestion: 'List the downloads with GET /api/v1/sessions/:id/downloads.',
  },
  downloadNotReady: {
    code: 'download.not_ready',
    status: 409,
    title: 'The download has no file',
    detail: 'The download {id} is {status}.',
    suggestion:
      'Wait until its status is completed. One that was cancelled or refused has no file.',
  },
})
