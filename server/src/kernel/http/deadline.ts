import type { FastifyReply, FastifyRequest } from 'fastify'
import { answerBare } from './bare-answers.ts'
import { pathOf } from './edge.ts'
import { httpProblems } from './problems.ts'

/** How long a request may take, and who is told when that is over. */
export interface Deadline {
  /** Aborted at the deadline, or when the client has gone. */
  readonly signal: AbortSignal
  abort(reason: string): void
  /** The body is here: from now on the route's own deadline counts. */
  bodyRead(): void
}

/** Until the body is whole, a client that is too slow is cut off with 408. */
export function startDeadline(
  { raw, id, originalUrl }: FastifyRequest,
  reply: FastifyReply,
  timeoutMs: number,
): Deadline {
  const controller = new AbortController()
  const abort = (reason: string) => controller.abort(new Error(reason))
  const timer = setTimeout(() => {
    abort('deadline')
    answerBare(raw.socket, httpProblems.tooSlow(), pathOf(originalUrl), id)
  }, timeoutMs).unref()
  raw.once('close', () => clearTimeout(timer))
  // Not the socket's: that one lives on for the next requests, and would collect a listener from each.
  reply.raw.once('close', () => {
    clearTimeout(timer)
    if (!reply.raw.writableFinished) abort('client gone')
  })
  return { signal: controller.signal, abort, bodyRead: () => clearTimeout(timer) }
}
