import { defineProblems } from '#kernel/problem.ts'

export const problems = defineProblems({
  notFound: {
    code: 'mail.not_found',
    status: 404,
    title: 'No such mail',
    detail: 'There is no mail {id}.',
  },
  noMailbox: {
    code: 'mail.no_mailbox',
    status: 404,
    title: 'No development mailbox is here for you',
    detail: 'Mails can be read here in development only, by those who may.',
    suggestion:
      'Sign in as a super-admin; or start the server with `NODE_ENV=development` on loopback, without `PUBLIC_URL`.',
  },
  notSuppressed: {
    code: 'mail.not_suppressed',
    status: 404,
    title: 'That address is not kept from mail',
    detail: 'No mail to this address has bounced, or that was lifted before.',
  },
  invalidValue: {
    code: 'mail.invalid_value',
    status: 400,
    title: 'That cannot stand in a mail',
    detail: 'The value `{name}` has line ends or control characters, or is too long.',
    suggestion: 'Use one line of plain text.',
  },
})
