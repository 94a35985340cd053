import { defineProblems } from '#kernel/problem.ts'

export const keyProblems = defineProblems({
  invalid: {
    code: 'auth.key_invalid',
    status: 401,
    title: 'That is no API key of this installation',
    detail: 'No key like this was ever made here, or it was deleted long ago.',
    suggestion:
      'Send the whole key as it was shown when it was made; make a new one if it is lost.',
  },
  ended: {
    code: 'auth.key_ended',
    status: 401,
    title: 'That API key counts no more',
    detail: 'The key {why}.',
    suggestion: 'Use the key that replaced it, or make a new one.',
  },
  wrongAddress: {
    code: 'auth.key_wrong_address',
    status: 403,
    title: 'That API key does not count from here',
    detail: 'The key takes no requests from the address {ip}.',
    suggestion:
      'Send the request from one of its `allowedAddresses`, or make a key that takes this one.',
  },
  notFound: {
    code: 'key.not_found',
    status: 404,
    title: 'No such API key',
    detail: 'There is no API key {id}.',
  },
  limitReached: {
    code: 'key.limit_reached',
    status: 409,
    title: 'The account has as many API keys as it may',
    detail:
      'An account may have {limit} API keys that count, and as many again that were replaced.',
    suggestion: 'Revoke one that is not used, or wait until the overlap of a replaced one ends.',
  },
  wrongState: {
    code: 'key.wrong_state',
    status: 409,
    title: 'That API key cannot be replaced',
    detail: 'The key {why}.',
    suggestion: 'Rotate the key that replaced it, or make a new one.',
  },
  shownBefore: {
    code: 'key.shown_before',
    status: 409,
    title: 'That key is not shown again',
    detail:
      'The first request with this idempotency key made {id}. Its secret is shown again for 10 minutes, and to whoever made it.',
    suggestion: 'Revoke that key, and make another with a new idempotency key.',
  },
  notHeld: {
    code: 'key.scope_not_held',
    status: 403,
    title: 'A key cannot do more than whoever makes it',
    detail: 'You do not hold {missing} yourself.',
    suggestion:
      'Leave out the scopes that `errors` names, or ask an admin of the account for a role that holds them.',
  },
  notYours: {
    code: 'key.not_yours',
    status: 403,
    title: 'That API key is somebody else’s',
    detail: 'The key acts in the name of another person.',
    suggestion:
      'Ask that person; owners and admins of the account may revoke it, and nobody else may rotate it.',
  },
})
