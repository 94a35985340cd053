import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { clientAt } from '../client.ts'
import type { Problem } from '../problem.ts'
import type { Refusal } from '../refusal.ts'
import { clientAddresses } from './client-address.ts'
import { SECURITY_HEADERS } from './edge.ts'
import { problemBody, toProblem } from './failures.ts'
import type { Access } from './route.ts'

export interface DoorOptions {
  /**
   * Asked first of every request: whether it may come from this address, going by what its route is open to, if it has one.
   *
   * @throws Problem
   */
  judgeAddress?: (address: string, access: Access | undefined) => void
  trustedProxies: readonly string[]
  /** Told when somebody may not do what they asked for. */
  refused?: (refusal: Refusal) => void
}

/** Judges the requests that Fastify does not see; one that may not come from its address is answered. */
export function doorOf({ judgeAddress, trustedProxies, refused }: DoorOptions) {
  const addressOf = clientAddresses(trustedProxies)
  return (request: IncomingMessage, response: ServerResponse, path: string): boolean => {
    const address = addressOf(request)
    try {
      judgeAddress?.(address, undefined)
      return true
    } catch (error) {
      const problem = toProblem(error)
      const correlationId = randomUUID()
      if (problem.kind.noted) {
        const client = clientAt(address, request.headers['user-agent'])
        const wanted = `${request.method} ${path}`
        refused?.({
          ...{ client, correlationId, wanted },
          actor: { kind: 'anonymous' },
          code: problem.code,
        })
      }
      answer(response, problem, path, correlationId)
      return false
    }
  }
}

function answer(response: ServerResponse, problem: Problem, path: string, id: string): void {
  const type = { 'content-type': 'application/problem+json', 'x-correlation-id': id }
  response.writeHead(problem.status, { ...SECURITY_HEADERS, ...type, connection: 'close' })
  response.end(JSON.stringify(problemBody(problem, path, id)))
}
