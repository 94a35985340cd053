import { defineProblems } from '#kernel/problem.ts'

export const administrationProblems = defineProblems({
  isYou: {
    code: 'user.is_you',
    status: 409,
    title: 'That user is you',
    detail: 'This is for other users than yourself.',
    suggestion: 'Use the routes below `/v1/users/me` and `/v1/auth`, or ask somebody else.',
  },
  belongsElsewhere: {
    code: 'user.belongs_elsewhere',
    status: 403,
    title: 'That user works for others, too',
    detail: 'The user {userId} is a member of an account that is not below yours.',
    suggestion: 'Remove them from your account instead, or ask the operator.',
  },
  wrongStatus: {
    code: 'user.wrong_status',
    status: 409,
    title: 'The user is in no state for that',
    detail: 'The user {userId} is {status}.',
    suggestion: 'Reactivate a `disabled` user first, and restore one who is `leaving`.',
  },
  searchTooWide: {
    code: 'user.search_too_wide',
    status: 400,
    title: 'The search takes too long',
    detail: 'The search was broken off after {seconds} seconds.',
    suggestion: 'Narrow it: a status, a time, an account.',
  },
  tooManyBulk: {
    code: 'user.too_many_bulk',
    status: 409,
    title: 'Too many changes to many users at once',
    detail: 'Your account has {limit} such changes that have not ended.',
    suggestion: 'Wait until one ends, or cancel it with `DELETE /v1/operations/{id}`.',
  },
})
