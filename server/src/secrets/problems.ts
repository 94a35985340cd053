import { defineProblems } from '#kernel/problem.ts'

export const problems = defineProblems({
  notRetiring: {
    code: 'secrets.not_retiring',
    status: 409,
    title: 'That key cannot be given up',
    detail: 'The sealing key {id} is not one that has sealed and does so no more.',
    suggestion: 'Rotate first; the list shows which keys are `retiring`.',
  },
  tooEarly: {
    code: 'secrets.too_early',
    status: 409,
    title: 'That key sealed a moment ago',
    detail: 'Something that was sealed with {id} may still be on its way into the database.',
    suggestion: 'Try again in a minute.',
  },
  inUse: {
    code: 'secrets.in_use',
    status: 409,
    title: 'That key is in use',
    detail: 'Records are sealed with {id}: {users}.',
    suggestion: 'Wait until the job `secrets.reseal_records` has sealed them anew.',
  },
})
