import { defineProblems } from '#kernel/problem.ts'

export const problems = defineProblems({
  invalidCredentials: {
    code: 'auth.invalid_credentials',
    status: 401,
    title: 'Not signed in',
    detail: 'E-mail address and password do not match a user who may sign in.',
    suggestion:
      'Check both, capital letters included. Whoever has no user yet registers; an admin helps with a lost password.',
  },
  emailTaken: {
    code: 'auth.email_taken',
    status: 409,
    title: 'That e-mail address is in use',
    detail: 'A user with this e-mail address exists.',
    suggestion: 'Sign in with it, or register with another address.',
  },
  weakPassword: {
    code: 'auth.weak_password',
    status: 400,
    title: 'That password is too easy to guess',
    detail: 'The password would be found by whoever tries the likely ones first.',
    suggestion:
      'Follow what `errors` says; four or five words that do not belong together do well.',
  },
  signUpClosed: {
    code: 'auth.sign_up_closed',
    status: 403,
    title: 'Nobody may register here',
    detail: 'This installation takes no registrations.',
    suggestion: 'Ask its operator for a user; the operator can set `SIGN_UP=open`.',
  },
  signUpByInvitation: {
    code: 'auth.sign_up_by_invitation',
    status: 403,
    title: 'Only the invited may register here',
    detail: 'This installation takes new users by invitation only.',
    suggestion: 'Ask its operator for an invitation.',
  },
  httpsRequired: {
    code: 'auth.https_required',
    status: 403,
    title: 'Passwords and tokens need HTTPS',
    detail: 'This request came over plain HTTP, where others on the way can read it.',
    suggestion:
      'Use the https address. Operators: set `TLS_CERT_FILE`, or name the proxy that ends TLS in `TRUSTED_PROXIES`.',
  },
  invalidRefresh: {
    code: 'auth.invalid_refresh_token',
    status: 401,
    title: 'That refresh token is not valid',
    detail: 'The refresh token is malformed, expired, used already, or its sign-in has ended.',
    suggestion: 'Sign in again, and keep the newest refresh token only.',
  },
  bootstrapRefused: {
    code: 'auth.bootstrap_refused',
    status: 403,
    title: 'That link makes no super-admin any more',
    detail: 'The token is wrong, older than 15 minutes or used, or there is a super-admin already.',
    suggestion: 'Restart the server for a new link, or run `gantry admin create` on its machine.',
  },
  busy: {
    code: 'auth.busy',
    status: 503,
    title: 'Too many people are signing in',
    detail: 'The queue for checking passwords is full.',
    suggestion: 'Try again in {retryAfterSeconds} seconds.',
  },
})
