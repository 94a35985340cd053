import { defineProblems } from '#kernel/problem.ts'

export const leavingProblems = defineProblems({
  soleOwner: {
    code: 'user.sole_owner',
    status: 409,
    title: 'An account with other members would have no owner',
    detail: 'The user is the only owner of {accountIds}, which other people work in.',
    suggestion:
      'Hand each of them over with `POST /v1/accounts/{id}/transfer`, or delete it, then try again.',
  },
  leaving: {
    code: 'user.leaving',
    status: 409,
    title: 'The user is to be deleted',
    detail: 'The user {userId} is to be deleted, and can be restored until {dueAt}.',
    suggestion: 'Restore the user first.',
  },
  notLeaving: {
    code: 'user.not_leaving',
    status: 409,
    title: 'The user is not to be deleted',
    detail: 'There is no deletion of the user {userId} that could be taken back.',
    suggestion: 'One that has begun cannot be; one that was taken back is over.',
  },
})
