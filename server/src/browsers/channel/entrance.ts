import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { SECURITY_HEADERS } from '#kernel/http/edge.ts'
import { problemBody, toProblem } from '#kernel/http/failures.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { channelProblems } from './problems.ts'

export interface EntranceRules {
  /** Web pages of these origins may connect; programs send no Origin. */
  allowsOrigin(origin: string, host: string | undefined): boolean
  /** Whether this is one of the server's own names. */
  allowsHost(host: string | undefined): boolean
}

const METHODS = ['GET', 'POST', 'OPTIONS']
const BODY_MS = 15_000

/**
 * Lets a polling request in, with the headers that its answer needs. Returns whether it is answered already.
 *
 * @throws problem `channel.wrong_host`, `channel.origin_refused` or `request.method_not_allowed`
 */
export function enter(
  request: IncomingMessage,
  response: ServerResponse,
  rules: EntranceRules,
): boolean {
  const { method = '', headers } = request
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value)
  if (!rules.allowsHost(headers.host)) throw channelProblems.wrongHost()
  if (headers.origin !== undefined) allowOrigin(headers.origin, request, response, rules)
  if (!METHODS.includes(method)) {
    throw httpProblems.methodNotAllowed({ path: '/socket.io/', allowed: METHODS.join(', ') })
  }
  if (method === 'POST') boundBody(request)
  if (method !== 'OPTIONS') return false
  response.writeHead(204).end()
  return true
}

function allowOrigin(
  origin: string,
  { headers }: IncomingMessage,
  response: ServerResponse,
  rules: EntranceRules,
): void {
  if (!rules.allowsOrigin(origin, headers.host)) throw channelProblems.originRefused({ origin })
  response.setHeader('access-control-allow-origin', origin)
  response.setHeader('access-control-allow-credentials', 'true')
  response.setHeader('access-control-allow-methods', 'GET, POST')
  response.setHeader('access-control-allow-headers', 'authorization, content-type')
  response.setHeader('access-control-max-age', '600')
  response.setHeader('vary', 'origin')
}

/** The listener itself sets no time for bodies. */
function boundBody(request: IncomingMessage): void {
  const timer = setTimeout(() => request.destroy(), BODY_MS)
  const stop = () => clearTimeout(timer)
  request.once('end', stop)
  request.once('close', stop)
}

/** Answers a refused polling request as a refused request of REST is answered. */
export function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const problem = toProblem(error)
  if (response.headersSent || response.destroyed) return void response.destroy()
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' }
  if (problem.status === 401) headers['www-authenticate'] = 'Bearer'
  response.writeHead(problem.status, headers)
  response.end(JSON.stringify(problemBody(problem, '/socket.io', randomUUID())))
  request.resume()
}

/** What a client that is not let in gets as `connect_error`: the problem is its `data`. */
export function connectError(error: unknown): Error {
  const problem = toProblem(error)
  const body = problemBody(problem, '/socket.io', randomUUID())
  return Object.assign(new Error(problem.message), { data: body })
}
