import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { visitorProblems as problems } from '../gate/problems.ts'
import { answerProblem } from '../http/answer.ts'
import { type Aim, aimOf } from '../http/strictness.ts'
import { refuseUpgrade } from '../http/web-socket.ts'

/** Where a request goes; undefined when two readers could tell that differently, which is answered. */
export function clearAim(request: IncomingMessage, response: ServerResponse): Aim | undefined {
  const aim = aimOf(request)
  if (!('unclear' in aim)) return aim
  response.shouldKeepAlive = false
  answerProblem(request, response, problems.badRequest({ detail: aim.unclear }))
}

/** The same of a request to upgrade its connection. */
export function clearAimOfUpgrade(request: IncomingMessage, socket: Duplex): Aim | undefined {
  const aim = aimOf(request)
  if (!('unclear' in aim)) return aim
  refuseUpgrade(request, socket, problems.badRequest({ detail: aim.unclear }))
}
