import { defineProblems } from '#kernel/problem.ts'

export const factorProblems = defineProblems({
  challengeOver: {
    code: 'factor.challenge_over',
    status: 401,
    title: 'This sign-in cannot be finished any more',
    detail:
      'The challenge is unknown, used, older than 5 minutes, was tried 5 times, or came from another network.',
    suggestion:
      'Sign in again with the password, and send the new `challengeId` from where you are.',
  },
  codeRefused: {
    code: 'factor.code_refused',
    status: 403,
    category: 'authentication',
    title: 'That code is not right',
    detail: 'The code is wrong, too old, or was used before.',
    suggestion:
      'Wait for the next code of the app and check that the clock of its device is right. A backup code goes to `POST /v1/auth/2fa/backup/verify`.',
  },
  locked: {
    code: 'factor.locked',
    status: 429,
    title: 'Too many wrong second factors',
    detail: 'There were 10 wrong ones within 15 minutes, so none is looked at for a while.',
    suggestion: 'Try again in {retryAfterSeconds} seconds.',
  },
  nothingPending: {
    code: 'factor.nothing_pending',
    status: 409,
    title: 'There is no authenticator app to confirm',
    detail: 'No enrolment was begun by this sign-in in the last 15 minutes.',
    suggestion: 'Begin with `POST /v1/auth/2fa/enroll`, or send the `challengeId` of a sign-in.',
  },
  alreadyEnabled: {
    code: 'factor.already_enabled',
    status: 409,
    title: 'An authenticator app is set up already',
    detail: 'Another one takes its place only for whoever has it, or a backup code.',
    suggestion: 'Send a code of the app that is set up, or a backup code, as `code`.',
  },
  notEnabled: {
    code: 'factor.not_enabled',
    status: 409,
    title: 'There is no such second factor',
    detail: 'Nothing that this would change is set up.',
    suggestion: '`GET /v1/auth/2fa` tells what is; `POST /v1/auth/2fa/enroll` sets up an app.',
  },
  mandatory: {
    code: 'factor.mandatory',
    status: 409,
    title: 'You must keep a second factor',
    detail: 'Your role or your account demands one, and this is the last.',
    suggestion: 'Set up another one first.',
  },
  useOneFirst: {
    code: 'factor.use_one_first',
    status: 409,
    title: 'Use a second factor yourself first',
    detail: 'What you demand of the others of the account, this sign-in was made without.',
    suggestion: 'Set up a second factor, sign in with it, and try again.',
  },
  useOwnFirst: {
    code: 'factor.use_own_first',
    status: 403,
    title: 'Use the second factor that you have',
    detail: 'You have a second factor, and this sign-in was made without it.',
    suggestion:
      'Send a code of your app, or a backup code, to `POST /v1/auth/step-up`, or sign in again with a passkey; then repeat the request.',
  },
  passkeyRefused: {
    code: 'passkey.refused',
    status: 403,
    category: 'authentication',
    title: 'That passkey does not count',
    detail:
      'The passkey is not known here, its answer is not to a question of the last 5 minutes, or its signature is not right.',
    suggestion: 'Ask for new options and try again; sign in another way if it happens again.',
  },
  passkeyNotFound: {
    code: 'passkey.not_found',
    status: 404,
    title: 'No such passkey',
    detail: 'You have no passkey {id}.',
  },
  passkeyKnown: {
    code: 'passkey.already_registered',
    status: 409,
    title: 'That passkey is registered already',
    detail: 'A passkey with this id is known here.',
    suggestion: 'Use it, or register another device.',
  },
  passkeyLimit: {
    code: 'passkey.limit_reached',
    status: 409,
    title: 'You have as many passkeys as you may',
    detail: 'A person may have {limit} passkeys.',
    suggestion: 'Remove one that you do not use.',
  },
  passkeysUnavailable: {
    code: 'passkey.unavailable',
    status: 409,
    title: 'Passkeys need a host name',
    detail:
      'This installation is reached by the address {host}; browsers bind passkeys to names only.',
    suggestion: 'The operator sets `PUBLIC_URL` to an https address with a name.',
  },
})
