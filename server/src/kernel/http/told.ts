import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientAt } from '../client.ts'
import { actorId } from '../context.ts'
import type { Logger } from '../log.ts'
import { levelOf, type Problem } from '../problem.ts'
import type { Miss, Refusal } from '../refusal.ts'
import type { Telemetry } from '../telemetry.ts'
import { pathOf } from './edge.ts'

/** Where it is told what became of a request. */
export interface Listeners {
  log: Logger
  telemetry: Telemetry
  /** Told when somebody who is signed in may not do what they asked for. */
  refused?: (refusal: Refusal) => void
  /** Told when somebody who is signed in asked for a thing that is not there. */
  missed?: (miss: Miss) => void
}

/** One line and one measure for each request, when its answer is sent. */
export function tellRequest(
  { log, telemetry }: Listeners,
  request: FastifyRequest,
  { statusCode: status }: FastifyReply,
): void {
  const { id: correlationId, method, ip, headers, originalUrl } = request
  const durationMs = performance.now() - request.startedMs
  const route = routeOf(request)
  telemetry.request(method, route, status, durationMs / 1000)
  log.info(
    {
      ...{ correlationId, method, route, path: pathOf(originalUrl), status },
      durationMs: Math.round(durationMs * 10) / 10,
      ...{ ip, userAgent: headers['user-agent'] },
      ...callerOf(request),
    },
    'request',
  )
}

export function tellProblem(
  listeners: Listeners,
  request: FastifyRequest,
  problem: Problem,
  error: unknown,
): void {
  const { code, status } = problem
  listeners.telemetry.problem({ code, status, route: routeOf(request) })
  logProblem(listeners.log, request, problem, error)
  tellRefused(listeners, request, problem)
}

const ANONYMOUS = { kind: 'anonymous' } as const
/** Their URL says all that they ask for. */
const READS: ReadonlySet<string> = new Set(['GET', 'HEAD'])

/** That somebody who is signed in may not do something is worth remembering; of what strangers try, where they may not come from. */
function tellRefused(
  { refused, missed }: Listeners,
  request: FastifyRequest,
  { status, code, kind }: Problem,
): void {
  const { caller, id: correlationId, ip, headers, method, originalUrl } = request
  const isKnown = caller !== undefined && caller.kind !== 'anonymous'
  const isMiss = status === 404 && isKnown && routeOf(request).includes('/:')
  if (!isMiss && (status !== 403 || !(isKnown || kind.noted))) return
  const client = clientAt(ip, headers['user-agent'])
  const wanted = `${method} ${routeOf(request)}`
  const refusal = { actor: caller ?? ANONYMOUS, client, correlationId, wanted, code }
  if (!isMiss) refused?.(refusal)
  else missed?.({ ...refusal, ...(READS.has(method) && { asked: originalUrl }) })
}

/** As loud as the kind of the problem says. Only what a person must see is told with its stack. */
function logProblem(log: Logger, request: FastifyRequest, problem: Problem, error: unknown): void {
  const level = levelOf(problem.kind)
  if (!level) return
  const { id: correlationId, method, routeOptions } = request
  const about = { correlationId, method, route: routeOptions.url, problem: problem.code }
  if (level === 'error') log.error({ ...about, err: problem.cause ?? error }, 'request failed')
  else log[level]({ ...about, detail: problem.message }, 'request refused')
}

function routeOf({ routeOptions }: FastifyRequest): string {
  return routeOptions.url ?? 'none'
}

function callerOf({ caller }: FastifyRequest): { actor?: string } {
  const actor = caller && actorId(caller)
  return actor === undefined ? {} : { actor }
}
