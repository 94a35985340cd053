import { defineProblems } from '#kernel/problem.ts'

export const recordingProblems = defineProblems({
  unreadable: {
    code: 'recording.unreadable',
    status: 500,
    title: 'The recording cannot be read',
    detail: 'The recording cannot be read: {reason}.',
  },
})
