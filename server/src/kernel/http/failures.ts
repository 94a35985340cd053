import type { FastifyReply, FastifyRequest } from 'fastify'
import { SealingKeyMissing } from '../crypto.ts'
import { categoryOf, Problem, type RateLimit } from '../problem.ts'
import { KmsFailure } from '../secrets/kms.ts'
import { sqlState } from '../transaction.ts'
import { pathOf } from './edge.ts'
import { httpProblems } from './problems.ts'
import { type AnyRoute, servedPath } from './route.ts'

/** The wire form of a refusal (RFC 9457 with the members of the API contract). */
export function problemBody(problem: Problem, instance: string, correlationId: string) {
  const { kind, facts, suggestion } = problem
  return {
    type: `/api/docs/errors#${kind.code}`,
    title: kind.title,
    status: kind.status,
    detail: problem.message,
    instance,
    code: kind.code,
    category: categoryOf(kind),
    correlationId,
    ...(suggestion && { suggestion }),
    ...(facts.errors && { errors: facts.errors }),
  }
}

export function sendProblem(reply: FastifyReply, request: FastifyRequest, problem: Problem) {
  const body = problemBody(problem, pathOf(request.originalUrl), request.id)
  reply.code(problem.status).header('content-type', 'application/problem+json')
  const { retryAfterSeconds, allowed, rateLimit } = problem.facts
  if (retryAfterSeconds) reply.header('retry-after', String(retryAfterSeconds))
  if (rateLimit) reply.headers(rateLimitHeaders(rateLimit, retryAfterSeconds))
  if (problem.status === 405) reply.header('allow', String(allowed))
  if (problem.status === 426) reply.headers({ upgrade: 'websocket', connection: 'upgrade' })
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer')
  return reply.serializer((value: unknown) => value as string).send(JSON.stringify(body))
}

/** As in draft-ietf-httpapi-ratelimit-headers-10: what the limit is, and that nothing is left of it. */
function rateLimitHeaders({ name, limit, windowSeconds }: RateLimit, resetSeconds = windowSeconds) {
  return {
    'ratelimit-policy': `"${name}";q=${limit};w=${windowSeconds}`,
    ratelimit: `"${name}";r=0;t=${resetSeconds}`,
  }
}

/** What the client is told of an error; anything unforeseen is `server.error` and tells nothing. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (sqlState(error) === DISK_FULL) {
    return httpProblems.storageFull({ cause: error, retryAfterSeconds: 30 })
  }
  if (isDatabaseAway(error)) return httpProblems.unavailable({ cause: error, retryAfterSeconds: 2 })
  if (error instanceof KmsFailure || error instanceof SealingKeyMissing) {
    const detail = 'The keys that secrets are kept with cannot be reached.'
    return httpProblems.unavailable({ cause: error, detail, retryAfterSeconds: 5 })
  }
  const { code, statusCode } = error as { code?: string; statusCode?: number }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return httpProblems.tooLarge({ limit: 1024 * 1024 })
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return httpProblems.unsupportedMedia()
  if (statusCode && statusCode >= 400 && statusCode < 500) {
    return httpProblems.malformed({ detail: 'The request could not be read.', cause: error })
  }
  return httpProblems.internal({ cause: error })
}

const DISK_FULL = '53100'
// Class 08 is a lost connection; 57P01 to 57P03 a server that stops or starts; 53300 one that is full.
const AWAY = /^(?:08...|57P0[123]|53300|25006)$/
const AWAY_ERRNO = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT'])
const SOCKET_CALLS = new Set<unknown>(['connect', 'read', 'write'])

function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const state = sqlState(error)
  if (AWAY.test(state)) return true
  // Files have such codes too.
  if (AWAY_ERRNO.has(state)) return 'syscall' in error && SOCKET_CALLS.has(error.syscall)
  return /Connection terminated|timeout exceeded when trying to connect|not queryable/.test(
    error.message,
  )
}

/** 405 with the methods that the path does take, or 404. */
export function unknownPath(routes: readonly AnyRoute[], method: string, url: string): Problem {
  const path = pathOf(url)
  const fitting = served(routes).filter((one) => fits(one.path, path))
  // What is spelled out is not the id of anything.
  const fewest = Math.min(...fitting.map((one) => parametersOf(one.path)))
  const allowed = fitting
    .filter((one) => parametersOf(one.path) === fewest)
    .flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
  if (allowed.length === 0) return httpProblems.notFound({ method, path })
  return httpProblems.methodNotAllowed({ path, allowed: [...new Set(allowed)].join(', ') })
}

interface Served {
  method: AnyRoute['method']
  path: string
}

/** Methods that a path does not take, and that one with a parameter in place of what it spells out would. */
export function notTaken(routes: readonly AnyRoute[]): Served[] {
  const all = served(routes)
  const paths = [...new Set(all.map(({ path }) => path))]
  return paths.flatMap((path) => {
    const taken = new Set(all.filter((one) => one.path === path).map(({ method }) => method))
    const others = all.filter(
      (one) =>
        !taken.has(one.method) &&
        parametersOf(one.path) > parametersOf(path) &&
        fits(one.path, path),
    )
    return [...new Set(others.map(({ method }) => method))].map((method) => ({ method, path }))
  })
}

function parametersOf(path: string): number {
  return path.split('/:').length - 1
}

function served(routes: readonly AnyRoute[]): Served[] {
  return routes.flatMap(({ method, path, aliases = [] }) =>
    [path, ...aliases].map((each) => ({ method, path: servedPath(each) })),
  )
}

function fits(pattern: string, path: string): boolean {
  const wanted = pattern.split('/')
  const given = path.split('/')
  return (
    wanted.length === given.length &&
    wanted.every((part, place) =>
      part.startsWith(':') ? given[place] !== '' : part === given[place],
    )
  )
}
