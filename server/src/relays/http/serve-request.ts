import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Admission } from '../gate/admission.ts'
import type { OwnAnswer } from '../gate/answers.ts'
import { visitorProblems as problems, whyNotStarted } from '../gate/problems.ts'
import { isLoop } from '../headers/forwarded.ts'
import { LimitReached, type Slot } from '../limits/limits.ts'
import { answerOwn, answerProblem } from './answer.ts'
import { Exchange } from './exchange.ts'
import { type Caller, Passage, REQUEST_ID } from './passage.ts'
import type { ServedTunnel } from './served-tunnel.ts'
import { refusalOfSession } from './session-right.ts'
import type { Aim } from './strictness.ts'

export interface RequestVisit {
  request: IncomingMessage
  response: ServerResponse
  aim: Aim
  caller: Caller
}

/** Gate, limits, balance: then the request is its exchange's. Nothing is waited for unless the gate or the limits ask for it. */
export function serveRequest(served: ServedTunnel, visit: RequestVisit): void {
  const { request, response, aim, caller } = visit
  const { method = '' } = request
  const tunnel = served.active
  const passage = new Passage(tunnel, caller, {
    ...{ kind: 'request', method, host: aim.host, path: aim.path },
  })
  const refuse = (problem: Parameters<typeof answerProblem>[2]) => {
    answerProblem(request, response, problem, [REQUEST_ID, passage.id])
    passage.over(problem.code, problem.status)
  }
  if (!served.spec.started) return refuse(whyNotStarted(served.spec))
  if (isLoop(request.rawHeaders, served.spec.id)) return refuse(problems.loop())
  if (caller.sessionId !== undefined) {
    const refusal = refusalOfSession(served, caller)
    return refusal ? refuse(refusal) : admit()
  }
  const judged = tunnel.gate.judge({
    ...{ method, url: aim.path, rawHeaders: request.rawHeaders, host: aim.host },
    ...{ ip: caller.ip, secure: caller.secure, body: request },
  })
  if (judged instanceof Promise) judged.then(follow, fail)
  else follow(judged)

  function follow(admission: Admission): void {
    if (response.destroyed) return passage.over('visitor_left')
    if (admission.let) {
      passage.admitted = admission
      return admit()
    }
    answer(admission.answer, admission.code)
  }

  function answer(own: OwnAnswer, code = 'gate'): void {
    answerOwn(request, response, own)
    passage.over(code, own.status)
  }

  function admit(): void {
    try {
      const slot = enter(passage, response)
      if (slot instanceof Promise) slot.then(beginLate, full)
      else begin(slot)
    } catch (error) {
      full(error)
    }
  }

  /** What let it in may have been taken back while it waited. */
  function beginLate(slot: Slot): void {
    if (!passage.admitted || tunnel.gate.stillAdmits(passage.admitted)) return begin(slot)
    slot[Symbol.dispose]()
    refuse(problems.takenBack())
  }

  function begin(slot: Slot): void {
    passage.slot = slot
    if (slot.queuedMs > 0) passage.limit = 'connections'
    if (response.destroyed) return passage.over('visitor_left')
    passage.capture = tunnel.inspector.capture()
    const { headers } = request
    const { host, path, hasBody } = aim
    const chunked = hasBody && headers['content-length'] === undefined
    const expects = headers.expect?.toLowerCase() === '100-continue'
    new Exchange(passage, { request, response, path, host, hasBody, chunked, expects }).start()
  }

  function full(error: unknown): void {
    if (!(error instanceof LimitReached)) return passage.over('visitor_left')
    passage.limit = 'connections'
    const { limit, retryAfterSeconds } = error
    refuse(problems.tooManyConnections({ limit, retryAfterSeconds }))
  }

  function fail(error: unknown): void {
    served.surroundings.log.error({ err: error, tunnel: served.spec.id }, 'the gate failed')
    refuse(problems.serviceFailed())
  }
}

/** A place in the tunnel; whoever waits for one leaves the queue when its visitor does. */
export function enter(
  { tunnel }: Passage,
  gone: { once(event: 'close', listener: () => void): unknown },
): Slot | Promise<Slot> {
  const { limits, served } = tunnel
  if (limits.inUse < served.spec.config.maxConnections) return limits.enter()
  const left = new AbortController()
  gone.once('close', () => left.abort())
  return limits.enter(left.signal)
}
