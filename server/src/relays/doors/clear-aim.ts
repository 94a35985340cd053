import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { visitorProblems as problems } from '../gate/problems.ts'
import { answerProblem } from '../http/answer.ts'
import { type Aim, aimOf, aimOfUpgrade, mayPass, USUAL_METHODS } from '../http/strictness.ts'
import { refuseUpgrade } from '../http/web-socket.ts'

/** Where a request goes; undefined when two readers could tell that differently, or when its method does not pass: that is answered. */
export function clearAim(request: IncomingMessage, response: ServerResponse): Aim | undefined {
  const { method = '' } = request
  const aim = aimOf(request)
  const isClear = !('unclear' in aim)
  if (isClear && mayPass(method)) return aim
  response.shouldKeepAlive = false
  const problem = isClear
    ? problems.methodRefused({ method, allow: USUAL_METHODS })
    : problems.badRequest({ detail: aim.unclear })
  answerProblem(request, response, problem)
}

/** The same of a request to upgrade its connection. */
export function clearAimOfUpgrade(request: IncomingMessage, socket: Duplex): Aim | undefined {
  const aim = aimOfUpgrade(request)
  if (!('unclear' in aim)) return aim
  refuseUpgrade(request, socket, problems.badRequest({ detail: aim.unclear }))
}
