import { defineProblems } from '#kernel/problem.ts'

export const problems = defineProblems({
  invalidCredentials: {
    code: 'auth.invalid_credentials',
    status: 401,
    title: 'Not signed in',
    detail: 'E-mail address and password do not match a user who may sign in.',
    suggestion:
      'Check both, capital letters included. Whoever has no user yet registers; `POST /v1/auth/forgot-password` helps with a lost password.',
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
  linkInvalid: {
    code: 'auth.link_invalid',
    status: 400,
    title: 'That link does not work any more',
    detail: 'The link is wrong, too old or used, or a newer one has taken its place.',
    suggestion: 'Use the link of the newest mail, or ask for another one.',
  },
  emailNotVerified: {
    code: 'auth.email_not_verified',
    status: 403,
    title: 'Confirm your e-mail address first',
    detail: 'This lasts or reaches others, so it needs an address that is known to be yours.',
    suggestion:
      'Follow the link of the mail that you got; `POST /v1/auth/verify-email/resend` sends it again.',
  },
  tooManyAttempts: {
    code: 'auth.too_many_attempts',
    status: 429,
    title: 'Too many attempts',
    detail: 'There were more than {limit} attempts in {minutes} minutes.',
    suggestion: 'Try again in {retryAfterSeconds} seconds.',
  },
  stepUpRequired: {
    code: 'auth.step_up_required',
    status: 403,
    title: 'Prove again who you are',
    detail: 'This needs a proof of the last 5 minutes that it is you.',
    suggestion:
      'Send your password, or a code of your second factor, to `POST /v1/auth/step-up`, then repeat the request. Without a password, `POST /v1/auth/oauth/{provider}/step-up` asks a provider, or `POST /v1/auth/forgot-password` mails a link that sets one.',
  },
  wrongPassword: {
    code: 'auth.wrong_password',
    status: 403,
    title: 'That is not your password',
    detail: 'The password does not match the one of the signed-in user.',
    suggestion: 'Type it again; `POST /v1/auth/forgot-password` helps with a lost one.',
  },
  noPassword: {
    code: 'auth.no_password',
    status: 409,
    title: 'You have no password',
    detail: 'You sign in by a provider, and have never set a password.',
    suggestion:
      '`POST /v1/auth/forgot-password` mails a link that sets one; `POST /v1/auth/oauth/{provider}/step-up` proves who you are without.',
  },
  deviceNotFound: {
    code: 'device.not_found',
    status: 404,
    title: 'No such device',
    detail: 'No device {id} of yours is signed in.',
    suggestion: '`GET /v1/users/me/devices` lists those that are.',
  },
  crossSite: {
    code: 'auth.cross_site_request',
    status: 403,
    title: 'That request may come from another site',
    detail:
      'A cookie says who you are, but nothing proves that a page of this server sent the request.',
    suggestion:
      'Send the `gantry_csrf` cookie as `X-CSRF-Token`, from a page of this server; programs send an access token instead.',
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
    level: 'warn',
    title: 'Too many people are signing in',
    detail: 'The queue for checking passwords is full.',
    suggestion: 'Try again in {retryAfterSeconds} seconds.',
  },
})
