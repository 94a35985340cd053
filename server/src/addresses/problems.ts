import { defineProblems } from '#kernel/problem.ts'

export const problems = defineProblems({
  notAllowed: {
    code: 'addresses.not_allowed',
    status: 403,
    title: 'Not from this address',
    detail:
      'What runs the installation is open to certain addresses only, and yours is none of them.',
    suggestion: 'Come from an address of the allowlist; `docs/addresses.md` tells the way back in.',
    noted: true,
  },
  blocked: {
    code: 'addresses.blocked',
    status: 403,
    title: 'This address is blocked',
    detail: 'Nothing is open to your address here. Ask whoever runs this installation.',
    noted: true,
  },
  signInBlocked: {
    code: 'addresses.sign_in_blocked',
    status: 403,
    title: 'Nobody signs in from this address',
    detail: 'Signing in is closed to your address. Ask whoever runs this installation.',
    noted: true,
  },
  wouldLockOut: {
    code: 'addresses.would_lock_out',
    status: 409,
    title: 'That would lock you out',
    detail: 'After that change your own address, {address}, would be refused.',
    suggestion: 'Let your own address in too, or make the change from another one.',
  },
  blockNotFound: {
    code: 'addresses.block_not_found',
    status: 404,
    title: 'No such block',
    detail: 'There is no block {id}.',
  },
  alreadyBlocked: {
    code: 'addresses.already_blocked',
    status: 409,
    title: 'That is blocked already',
    detail: '{range} is blocked already. Lift that block first to change it.',
  },
  tooManyBlocks: {
    code: 'addresses.too_many_blocks',
    status: 409,
    title: 'Too many blocks',
    detail: 'There are {limit} blocks, which is the most. Lift some, or block ranges.',
  },
  endsInThePast: {
    code: 'addresses.block_ends_in_the_past',
    status: 422,
    title: 'The block would have ended already',
    suggestion: 'Give an `expiresAt` that is still to come, or none.',
  },
})
