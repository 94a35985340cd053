import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Problem } from '#kernel/problem.ts'
import type { Failure } from '../balance/retry.ts'
import type { Admission, Admitted } from '../gate/admission.ts'
import { answerFor, wantsHtml } from '../gate/answers.ts'
import { visitorProblems as problems, whyNotStarted } from '../gate/problems.ts'
import { answeredHeaders } from '../headers/answered.ts'
import { forwardedHeaders, isLoop } from '../headers/forwarded.ts'
import { serviceHost } from '../headers/service-host.ts'
import { LimitReached, type Slot } from '../limits/limits.ts'
import { answerUpgrade } from './answer.ts'
import type { AnswerHead } from './answer-parser.ts'
import { requestHead } from './asked.ts'
import { problemOf } from './exchange.ts'
import { type Caller, Passage, REQUEST_ID } from './passage.ts'
import { enter } from './serve-request.ts'
import type { ServedTunnel, UnderWay } from './served-tunnel.ts'
import { refusalOfSession } from './session-right.ts'
import type { Asker, ServiceConnection } from './service-connection.ts'
import type { Aim } from './strictness.ts'

export interface UpgradeVisit {
  request: IncomingMessage
  socket: Duplex
  head: Buffer
  aim: Aim
  caller: Caller
}

/** A visitor's WebSocket: as `serveRequest` does, on a stream of its own. */
export async function serveUpgrade(served: ServedTunnel, visit: UpgradeVisit): Promise<void> {
  const { request, socket, aim, caller } = visit
  const tunnel = served.active
  const passage = new Passage(tunnel, caller, {
    ...{ kind: 'socket', method: request.method!, host: aim.host, path: aim.path },
  })
  const refuse = (problem: Problem) => {
    refuseUpgrade(request, socket, problem)
    passage.over(problem.code, problem.status)
  }
  if (!served.spec.started) return refuse(whyNotStarted(served.spec))
  if (isLoop(request.rawHeaders, served.spec.id)) return refuse(problems.loop())
  if (caller.sessionId !== undefined) {
    const refusal = refusalOfSession(served, caller)
    if (refusal) return refuse(refusal)
  }
  try {
    if (caller.sessionId === undefined) {
      const judged = await judge(tunnel, visit)
      if (!judged.let) {
        answerUpgrade(socket, judged.answer)
        return passage.over(judged.code ?? 'gate', judged.answer.status)
      }
      passage.admitted = judged
    }
    passage.slot = await placeOf(passage, socket)
  } catch (error) {
    passage.limit = 'connections'
    if (!(error instanceof LimitReached)) return passage.over('visitor_left')
    const { limit, retryAfterSeconds } = error
    return refuse(problems.tooManyConnections({ limit, retryAfterSeconds }))
  }
  if (socket.destroyed) return passage.over('visitor_left')
  const { admitted } = passage
  // It may have been taken back while the visitor waited for a place.
  if (admitted && !tunnel.gate.stillAdmits(admitted)) return refuse(problems.takenBack())
  new WebSocketPassing(passage, visit).start()
}

function judge(
  { gate }: ServedTunnel['active'],
  { request, aim, caller }: UpgradeVisit,
): Admission | Promise<Admission> {
  return gate.judge({
    ...{ method: request.method!, url: aim.path, rawHeaders: request.rawHeaders, host: aim.host },
    ...{ ip: caller.ip, secure: caller.secure },
  })
}

function placeOf(passage: Passage, socket: Duplex): Slot | Promise<Slot> {
  return enter(passage, socket)
}

export function refuseUpgrade(request: IncomingMessage, socket: Duplex, problem: Problem): void {
  answerUpgrade(socket, answerFor(problem, { html: wantsHtml(request.headers.accept) }))
}

/** Bytes both ways, each at the pace of its reader. What a service answers instead of 101 is passed on and ends the connection. */
class WebSocketPassing implements Asker, UnderWay {
  readonly passage: Passage
  readonly #visit: UpgradeVisit
  #connection: ServiceConnection | undefined
  #status: number | undefined
  #outcome: string | undefined
  /** Of the last try. */
  #why: Problem | undefined
  #paces = new Set<NodeJS.Timeout>()
  /** What the visitor sends waits for the bandwidth. */
  #isPaced = false

  constructor(passage: Passage, visit: UpgradeVisit) {
    this.passage = passage
    this.#visit = visit
    const { socket } = visit
    socket.once('close', () => this.#over())
    socket.on('drain', () => this.#connection?.resume())
    passage.tunnel.underWay.add(this)
  }

  get admitted(): Admitted | undefined {
    return this.passage.admitted
  }

  get grantId(): string | undefined {
    return this.passage.grantId
  }

  start(): void {
    const chosen = this.passage.choose()
    if (!chosen) {
      const { canServe } = this.passage.tunnel.served.links
      return this.#refuse(this.#why ?? (canServe ? problems.noEndpoint() : problems.noAgent()))
    }
    const { endpoint, link } = chosen
    const { method } = this.#visit.request
    try {
      // It is not used by anybody before or after.
      this.#connection = this.passage.tunnel.pool.fresh(endpoint, link, this.passage.caller.ip)
    } catch (error) {
      return this.onFailed('unsent', error as Error)
    }
    const head = this.#head(endpoint.url)
    this.#connection.ask(this, {
      ...{ method: method!, head, upgrading: true, hasBody: true, chunked: false },
    })
  }

  look(nowMs: number): void {
    const { timeoutSeconds, idleTimeoutSeconds } = this.passage.tunnel.served.spec.config
    const quietMs = nowMs - this.passage.activeMs
    if (this.#status === undefined && quietMs > timeoutSeconds * 1000) {
      this.passage.failed('timeout', new Error('no answer in time'), { body: false, answer: false })
      this.#refuse(problems.timeout({ seconds: timeoutSeconds }))
    } else if (quietMs > idleTimeoutSeconds * 1000) {
      this.cut()
    }
  }

  cut(): void {
    this.#outcome ??= 'cut'
    this.#visit.socket.destroy()
  }

  onReached(): void {
    this.passage.reached()
  }

  onInformation(): void {}

  onHead({ status, reason, rawHeaders }: AnswerHead): void {
    this.#status = status
    this.passage.answered(status)
    const { tunnel } = this.passage
    const { domain } = tunnel.served.surroundings
    const webSocket = status === 101
    const headers = answeredHeaders(rawHeaders, {
      ...{ tunnelDomain: domain, webSocket, edits: tunnel.responseEdits },
    })
    headers.push(REQUEST_ID, this.passage.id)
    if (!webSocket) headers.push('Connection', 'close')
    let head = `HTTP/1.1 ${status} ${reason}\r\n`
    for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
    this.#visit.socket.write(`${head}\r\n`, 'latin1')
    if (webSocket) this.#open()
  }

  onBody(chunk: Buffer): void {
    const waitMs = this.passage.went(chunk)
    const goesOn = this.#visit.socket.write(chunk)
    if (waitMs > 0) this.#holdService(waitMs)
    else if (!goesOn) this.#connection?.pause()
  }

  onEnd(): void {
    this.#outcome ??= 'answered'
    this.#connection = undefined
    this.#visit.socket.end()
    // A visitor that does not hang up is hung up on.
    this.#later(5_000, () => this.#visit.socket.destroy())
  }

  onDrain(): void {
    if (!this.#isPaced && this.#connection?.isWritable) this.#visit.socket.resume()
  }

  onFailed(failure: Failure, error: Error): void {
    this.#connection = undefined
    if (this.#visit.socket.destroyed) return
    if (this.#status !== undefined) return this.cut()
    const given = { body: false, answer: false }
    const again = this.passage.endpoint !== undefined && this.passage.failed(failure, error, given)
    this.#why = problemOf(failure, error, this.passage.tunnel.served.links.canServe)
    if (again) this.start()
    else this.#refuse(this.#why)
  }

  #head(endpointUrl: string): string {
    const { request, aim } = this.#visit
    const { caller, tunnel, admitted } = this.passage
    const { spec } = tunnel.served
    const headers = forwardedHeaders(request.rawHeaders, {
      ...{ tunnelId: spec.id, peer: caller.peer, trusted: caller.trusted, secure: caller.secure },
      host: aim.host,
      serviceHost: serviceHost(spec.config.hostHeader, aim.host, endpointUrl),
      ...{ webSocket: true, edits: tunnel.requestEdits },
      ...(admitted?.withoutAuthorization && { withoutAuthorization: true }),
    })
    return requestHead(request.method!, aim.path, headers)
  }

  #open(): void {
    const { socket, head } = this.#visit
    this.passage.tunnel.meter.connection(this.passage.endpoint?.id)
    if (head.length > 0) this.#pass(head)
    socket.on('data', (chunk: Buffer) => this.#pass(chunk))
    socket.once('end', () => this.#connection?.endBytes())
    socket.resume()
  }

  #pass(chunk: Buffer): void {
    const waitMs = this.passage.came(chunk)
    const goesOn = this.#connection?.write(chunk) ?? true
    const { socket } = this.#visit
    if (waitMs > 0 || !goesOn) socket.pause()
    if (waitMs > 0) this.#waitForService(waitMs)
  }

  /** For the bandwidth; a service that has not taken what came is waited for beside. */
  #waitForService(ms: number): void {
    this.#isPaced = true
    this.#later(ms, () => {
      this.#isPaced = false
      this.onDrain()
    })
  }

  #holdService(ms: number): void {
    this.#connection?.pause()
    this.#later(ms, () => {
      if (!this.#visit.socket.writableNeedDrain) this.#connection?.resume()
    })
  }

  #later(ms: number, work: () => void): void {
    const pace = setTimeout(() => {
      this.#paces.delete(pace)
      work()
    }, ms)
    this.#paces.add(pace)
  }

  #refuse(problem: Problem): void {
    this.#outcome ??= problem.code
    this.#status ??= problem.status
    this.#connection?.destroy()
    this.#connection = undefined
    refuseUpgrade(this.#visit.request, this.#visit.socket, problem)
  }

  #over(): void {
    this.#connection?.destroy()
    this.#connection = undefined
    for (const pace of this.#paces) clearTimeout(pace)
    this.passage.tunnel.underWay.delete(this)
    this.passage.over(
      this.#outcome ?? (this.#status === 101 ? 'answered' : 'visitor_left'),
      this.#status,
    )
  }
}
