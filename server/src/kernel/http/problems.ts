import { defineProblems } from '../problem.ts'

/** Refusals that any route may give. */
export const httpProblems = defineProblems({
  invalid: {
    code: 'request.invalid',
    status: 400,
    title: 'The request is not valid',
    detail: 'Some members of the request are missing, unknown or of the wrong kind.',
    suggestion: 'Change what each entry of `errors` names.',
  },
  malformed: {
    code: 'request.malformed',
    status: 400,
    title: 'The request cannot be read',
    suggestion:
      'Send well-formed JSON (RFC 8259) without duplicate members, at most 32 levels deep.',
  },
  badCursor: {
    code: 'request.bad_cursor',
    status: 400,
    title: 'That cursor was not made by this list',
    suggestion:
      'Pass `nextCursor` of the last page unchanged, or leave `cursor` out to start again.',
  },
  unauthenticated: {
    code: 'auth.unauthenticated',
    status: 401,
    title: 'Sign in first',
    detail: 'The request carries no valid access token.',
    suggestion:
      'Send `Authorization: Bearer <accessToken>`; sign in again when the token has expired.',
  },
  forbidden: {
    code: 'auth.forbidden',
    status: 403,
    title: 'You may not do that',
    detail: 'This needs the permission `{permission}`.',
    suggestion: 'Ask an admin of the account for a role that holds it.',
  },
  wrongHost: {
    code: 'socket.wrong_host',
    status: 421,
    title: 'This server does not go by that name',
    suggestion: 'Use the address that the operator has published.',
  },
  originRefused: {
    code: 'socket.origin_refused',
    status: 403,
    title: 'Pages of that origin may not connect',
    detail: 'Pages of {origin} may open no sockets.',
    suggestion: 'The operator can add the origin to `CORS_ORIGINS`. Programs send no Origin.',
  },
  keyNotAllowed: {
    code: 'auth.key_not_allowed',
    status: 403,
    title: 'API keys may not do that',
    detail: 'This is about a person, so it takes the access token of a sign-in and no API key.',
    suggestion: 'Sign in, and send that access token.',
  },
  noAccount: {
    code: 'account.not_found',
    status: 404,
    title: 'No such account',
    detail: 'There is no account {id} that you can act for.',
    suggestion:
      '`GET /v1/accounts` lists those that there are for you; the header `Gantry-Account` names one.',
  },
  notAsAnother: {
    code: 'auth.not_as_another',
    status: 403,
    title: 'Only the person themselves may do that',
    detail: 'This is about the person, and you are acting as them.',
    suggestion: 'Ask them to do it; end acting as them with `POST /v1/auth/logout`.',
  },
  secondFactorRequired: {
    code: 'auth.second_factor_required',
    status: 403,
    title: 'This needs a second factor',
    detail:
      'Your role or your account demands a second factor, and this sign-in was made without one.',
    suggestion:
      'Set one up with `POST /v1/auth/2fa/enroll` or a passkey. If you have one, sign in again with it.',
  },
  notFound: {
    code: 'request.not_found',
    status: 404,
    title: 'Nothing is here',
    detail: 'No route answers {method} {path}.',
    suggestion: 'The API document at /api/docs lists every path.',
  },
  methodNotAllowed: {
    code: 'request.method_not_allowed',
    status: 405,
    title: 'This path does not take that method',
    detail: '{path} takes {allowed}.',
    suggestion: 'Use one of the methods of the `Allow` header.',
  },
  timeout: {
    code: 'request.timeout',
    status: 504,
    title: 'The request took too long',
    detail: 'No answer was ready within {seconds} s.',
    suggestion: 'Try again; ask for less at once where the route allows it.',
  },
  tooSlow: {
    code: 'request.too_slow',
    status: 408,
    title: 'The request did not arrive in time',
    suggestion: 'Send it again, faster.',
  },
  headersTooLarge: {
    code: 'request.headers_too_large',
    status: 431,
    title: 'The headers are too large',
    suggestion: 'Send at most 16 KiB of headers, the path included.',
  },
  tooLarge: {
    code: 'request.too_large',
    status: 413,
    title: 'The body is too large',
    suggestion: 'Send at most {limit} bytes.',
  },
  unsupportedMedia: {
    code: 'request.unsupported_media_type',
    status: 415,
    title: 'That content type is not accepted here',
    suggestion: 'Send `Content-Type: application/json`.',
  },
  idempotencyMismatch: {
    code: 'idempotency.different_request',
    status: 422,
    title: 'That key was used for another request',
    detail: 'The idempotency key came with a different body before.',
    suggestion: 'Use a new key for a new request.',
  },
  idempotencyBusy: {
    code: 'idempotency.in_progress',
    status: 409,
    title: 'The first request with that key is still being worked on',
    suggestion: 'Wait a moment and send the same request again.',
  },
  idempotencyUnsupported: {
    code: 'idempotency.not_supported',
    status: 400,
    title: 'This route takes no idempotency key',
    suggestion: 'Leave out the `Idempotency-Key` header.',
  },
  stopping: {
    code: 'server.stopping',
    status: 503,
    level: 'info',
    title: 'The server is stopping',
    suggestion: 'Try again in a few seconds.',
  },
  unavailable: {
    code: 'server.unavailable',
    status: 503,
    title: 'Something that this needs is away for the moment',
    detail: 'The database cannot be reached.',
    suggestion: 'Try again in a few seconds; /health tells what is away.',
  },
  storageFull: {
    code: 'server.storage_full',
    status: 503,
    title: 'There is no room left to write',
    detail:
      'The disk of the database is full: what there is can be read, and nothing can be changed.',
    suggestion: 'Tell the operator, who has to make room; then try again.',
  },
  internal: {
    code: 'server.error',
    status: 500,
    title: 'Something went wrong on our side',
    detail: 'The error was logged under the correlation id of this answer.',
    suggestion: 'Try again; if it lasts, give the correlation id to the operator.',
  },
})
