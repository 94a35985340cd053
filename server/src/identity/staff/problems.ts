import { defineProblems } from '#kernel/problem.ts'

export const staffProblems = defineProblems({
  notFound: {
    code: 'user.not_found',
    status: 404,
    title: 'No such user',
    detail: 'There is no user {userId} who may sign in.',
    suggestion: 'Check the id; members of an account are listed with theirs.',
  },
  notBelowYou: {
    code: 'user.not_below_you',
    status: 403,
    title: 'That user ranks with you or above',
    detail: 'This is for users whose role over the installation is below your own.',
    suggestion: 'Ask somebody of a higher role, or the user.',
  },
  aboveYou: {
    code: 'user.role_above_you',
    status: 403,
    title: 'That role is above yours',
    detail: 'Nobody gives or takes a role over the installation above their own.',
    suggestion: 'Ask a super-admin.',
  },
  lastSuperAdmin: {
    code: 'user.last_super_admin',
    status: 409,
    title: 'There would be no super-admin left',
    detail: 'This is the last super-admin who may sign in.',
    suggestion: 'Make somebody else a super-admin first.',
  },
})
