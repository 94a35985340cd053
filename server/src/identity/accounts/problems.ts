import { defineProblems } from '#kernel/problem.ts'

export const accountProblems = defineProblems({
  limitReached: {
    code: 'account.limit_reached',
    status: 409,
    title: 'No room for another account',
    detail: 'There are {limit} accounts already: that is the most.',
    suggestion: 'Delete one that is not needed any more.',
  },
  notReseller: {
    code: 'account.not_a_reseller',
    status: 409,
    title: 'Only a reseller has accounts below it',
    detail: 'The account {id} is no reseller.',
    suggestion: 'Ask the operator to make it one, or leave `parentId` out.',
  },
  cycle: {
    code: 'account.cycle',
    status: 409,
    title: 'An account cannot lie below itself',
    detail: 'The account {parentId} is {id} itself or lies below it.',
    suggestion: 'Name an account above or beside it.',
  },
  tooDeep: {
    code: 'account.too_deep',
    status: 409,
    title: 'The accounts would lie too deep',
    detail: 'Accounts lie at most {levels} levels deep.',
    suggestion: 'Put it below an account that is higher up.',
  },
  outOfReach: {
    code: 'account.out_of_reach',
    status: 403,
    title: 'That would take the account from its reseller',
    detail: 'A reseller moves accounts below its own account only.',
    suggestion: 'Name the reseller’s account or one below it, or ask the operator.',
  },
  hasAccounts: {
    code: 'account.has_accounts',
    status: 409,
    title: 'There are accounts below it',
    detail: 'The account {id} has accounts below it.',
    suggestion: 'Move or delete those first.',
  },
  personal: {
    code: 'account.personal',
    status: 409,
    title: 'A personal account stays with its person',
    detail: 'The account {id} is somebody’s personal account.',
    suggestion: 'Found an account with `POST /v1/accounts` for what is shared.',
  },
})

export const memberProblems = defineProblems({
  notFound: {
    code: 'member.not_found',
    status: 404,
    title: 'No such member',
    detail: 'The account has no member {userId}.',
    suggestion: '`GET /v1/accounts/{id}/members` lists them.',
  },
  aboveYou: {
    code: 'member.above_you',
    status: 403,
    title: 'That role is above yours',
    detail: 'Nobody gives, changes or takes a role above their own: here that is {role}.',
    suggestion: 'Ask an owner of the account.',
  },
  lastOwner: {
    code: 'member.last_owner',
    status: 409,
    title: 'The account would be left without an owner',
    detail: 'This is the last owner of the account.',
    suggestion:
      'Make another member an owner first, or hand the account over: `POST /v1/accounts/{id}/transfer`.',
  },
})
