import { defineProblems } from '#kernel/problem.ts'

export const invitationProblems = defineProblems({
  notFound: {
    code: 'invitation.not_found',
    status: 404,
    title: 'No such invitation',
    detail: 'There is no such invitation, or a newer link to it was sent.',
    suggestion: 'Use the link of the newest mail, or ask for another invitation.',
  },
  ended: {
    code: 'invitation.ended',
    status: 409,
    title: 'That invitation does not count any more',
    detail: 'The invitation {why}.',
    suggestion: 'Ask whoever invited you for another one.',
  },
  open: {
    code: 'invitation.open',
    status: 409,
    title: 'That person is invited already',
    detail: 'The invitation {id} to this address is open.',
    suggestion: 'Send it again with `POST /v1/invitations/{id}/resend`, or cancel it first.',
  },
  isMember: {
    code: 'invitation.is_member',
    status: 409,
    title: 'That person is a member already',
    detail: 'Whoever has this e-mail address is a member of the account.',
    suggestion: 'Change their role: `PATCH /v1/accounts/{id}/members/{userId}`.',
  },
  aboveYou: {
    code: 'invitation.above_you',
    status: 403,
    title: 'That role is above yours',
    detail: 'Nobody gives a role above their own: {role} is above yours.',
    suggestion: 'Invite with a lower role, or ask somebody who holds that one.',
  },
  otherPerson: {
    code: 'invitation.other_person',
    status: 403,
    title: 'That invitation is for somebody else',
    detail: 'It was sent to another e-mail address than yours.',
    suggestion: 'Sign in with the address that it was sent to.',
  },
  signInFirst: {
    code: 'invitation.sign_in_first',
    status: 401,
    title: 'Sign in, then accept',
    detail: 'There is a user with the e-mail address that the invitation was sent to.',
    suggestion:
      'Sign in with that address, by password or passkey, and accept again with the token of that.',
  },
  tooMany: {
    code: 'invitation.too_many',
    status: 429,
    title: 'Too many invitations',
    detail:
      'No more than {limit} invitations are sent in 24 hours, and one of them 10 times at most.',
    suggestion: 'Wait a day, or cancel the invitation and make another one.',
  },
})
