import { defineProblems } from '#kernel/problem.ts'

export const oauthProblems = defineProblems({
  providerUnknown: {
    code: 'oauth.provider_unknown',
    status: 404,
    title: 'No such provider',
    detail: 'Nobody can sign in here by {provider}.',
    suggestion: '`GET /v1/auth/oauth` lists the providers; the operator configures them.',
  },
  providerUnavailable: {
    code: 'oauth.provider_unavailable',
    status: 503,
    level: 'warn',
    title: 'The provider does not answer',
    detail: '{provider} could not be reached, or cannot be asked now.',
    suggestion: 'Try again in {retryAfterSeconds} seconds, or sign in another way.',
  },
  providerAnswerInvalid: {
    code: 'oauth.provider_answer_invalid',
    status: 502,
    level: 'warn',
    title: 'The provider answers something else',
    detail: 'What {provider} says is not what a provider of sign-in says.',
    suggestion: 'Operators: look whether its address and client are configured as it says.',
  },
  denied: {
    code: 'oauth.denied',
    status: 403,
    title: 'The provider did not let you in',
    detail: 'Somebody said no at {provider}: you or the provider itself.',
    suggestion: 'Begin again, and agree there; or sign in another way.',
  },
  answerRefused: {
    code: 'oauth.answer_refused',
    status: 400,
    title: 'That sign-in was not begun here, or is over',
    detail:
      'What came back does not belong to a sign-in that this browser began in the last 10 minutes, was used already, or is not signed as it should be.',
    suggestion: 'Begin again, in one window.',
  },
  codeInvalid: {
    code: 'oauth.code_invalid',
    status: 400,
    title: 'That code does not work any more',
    detail:
      'The code is wrong, older than 2 minutes or used, or was given to another browser, or for something else.',
    suggestion: 'Begin again at the provider.',
  },
  addressInUse: {
    code: 'oauth.address_in_use',
    status: 409,
    title: 'There is a user with this address already',
    detail:
      'A user has the address that {provider} names, and was never linked with this identity. An address alone links nobody.',
    suggestion:
      'Sign in as that user (`POST /v1/auth/forgot-password` helps with a lost password), then link {provider} there.',
  },
  addressMissing: {
    code: 'oauth.address_missing',
    status: 403,
    title: 'The provider names no address of yours',
    detail: 'A new user needs an e-mail address, and {provider} tells none that is proven.',
    suggestion: 'Confirm your address there and let us see it, or register with a password.',
  },
  notAdmitted: {
    code: 'oauth.not_admitted',
    status: 403,
    title: 'This user may not sign in',
    detail: 'The user that is linked with this identity is disabled, or is to be deleted.',
    suggestion:
      'If you asked for the deletion, `POST /v1/auth/forgot-password` mails the link that takes it back; else ask the operator of this installation.',
  },
  linkedElsewhere: {
    code: 'oauth.linked_elsewhere',
    status: 409,
    title: 'That identity is linked with another user',
    detail: 'Another user here signs in with this identity.',
    suggestion: 'Sign in as that user and unlink it there, or choose another identity.',
  },
  tooManyIdentities: {
    code: 'oauth.too_many_identities',
    status: 409,
    title: 'You have linked as many identities as one may',
    detail: 'A user may link {limit} identities.',
    suggestion: 'Unlink one that you do not use.',
  },
  identityNotFound: {
    code: 'oauth.identity_not_found',
    status: 404,
    title: 'No such identity',
    detail: 'No identity {id} is linked with you.',
    suggestion: '`GET /v1/users/me/identities` lists those that are.',
  },
  lastWayIn: {
    code: 'oauth.last_way_in',
    status: 409,
    title: 'That is your only way to sign in',
    detail: 'Without this identity you could not sign in any more.',
    suggestion:
      'Set a password first (`POST /v1/auth/forgot-password` mails a link), or link another identity.',
  },
  notLinked: {
    code: 'oauth.not_linked',
    status: 403,
    title: 'That is not an identity of yours',
    detail: 'Whoever signed in at {provider} is not linked with the user that is signed in here.',
    suggestion: 'Choose the identity there that you have linked here.',
  },
  noFreshProof: {
    code: 'oauth.no_fresh_proof',
    status: 403,
    title: 'The provider did not ask you again',
    detail: '{provider} does not say that you have just proved there who you are.',
    suggestion:
      'Use your password or a code of your second factor; `POST /v1/auth/forgot-password` mails a link that sets a password.',
  },
})
