import { ZodError } from 'zod'
import { DestinationRefused, NameNotResolved } from '#kernel/addresses.ts'
import { FetchFailed } from '#kernel/fetch.ts'
import { Problem } from '#kernel/problem.ts'
import { oauthProblems } from './problems.ts'

const RETRY_AFTER_SECONDS = 10

/** Of openid-client: what came was no answer of the protocol at all. */
const NO_ANSWER = new Set([
  ...['OAUTH_RESPONSE_IS_NOT_CONFORM', 'OAUTH_RESPONSE_IS_NOT_JSON', 'OAUTH_PARSE_ERROR'],
  ...['OAUTH_MISSING_SERVER_METADATA', 'OAUTH_INVALID_SERVER_METADATA'],
  ...['OAUTH_HTTP_REQUEST_FORBIDDEN', 'OAUTH_REQUEST_PROTOCOL_FORBIDDEN'],
])
/** What a provider says in place of a person’s answer when it is not itself. */
const NOT_NOW = new Set(['server_error', 'temporarily_unavailable'])
/** What it says when the operator has configured the wrong client. */
const MISCONFIGURED = new Set(['invalid_client', 'unauthorized_client', 'unsupported_grant_type'])

interface Fault {
  code?: string
  /** Of an error that the provider named. */
  error?: string
  status?: number
}

/** What openid-client and the network throw, as one of our refusals. */
export function failureAt(provider: string, error: unknown): Problem {
  if (error instanceof Problem) return error
  const facts = { provider, cause: error }
  const chain = [...causesOf(error)]
  const isAway = chain.some(
    (one) =>
      one instanceof FetchFailed ||
      one instanceof DestinationRefused ||
      one instanceof NameNotResolved ||
      isServerError(one),
  )
  const { code = '', error: named } = error as Fault
  if (isAway || code === 'OAUTH_TIMEOUT' || NOT_NOW.has(named ?? '')) return unavailable(facts)
  if (NO_ANSWER.has(code) || MISCONFIGURED.has(named ?? '') || error instanceof ZodError) {
    return oauthProblems.providerAnswerInvalid(facts)
  }
  if (code === 'OAUTH_AUTHORIZATION_RESPONSE_ERROR') return oauthProblems.denied(facts)
  return oauthProblems.answerRefused(facts)
}

/** What was wrong, without what was said: an answer tells who somebody is. */
export function reasonsOf(error: unknown): string[] {
  return [...causesOf(error)]
    .filter((one) => one instanceof Error)
    .map((one) =>
      [(one as Fault).code, (one as Fault).error, one.message].filter(Boolean).join(': '),
    )
}

function unavailable(facts: { provider: string; cause?: unknown }): Problem {
  return oauthProblems.providerUnavailable({ ...facts, retryAfterSeconds: RETRY_AFTER_SECONDS })
}

function isServerError(one: unknown): boolean {
  const { status } = (one ?? {}) as Fault
  return typeof status === 'number' && status >= 500
}

function* causesOf(error: unknown): Generator {
  let one = error
  for (let depth = 0; one && depth < 8; depth++) {
    yield one
    one = (one as { cause?: unknown }).cause
  }
}
