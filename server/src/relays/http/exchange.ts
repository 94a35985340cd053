import type { Problem } from '#kernel/problem.ts'
import type { Failure } from '../balance/retry.ts'
import type { Admitted } from '../gate/admission.ts'
import { visitorProblems as problems } from '../gate/problems.ts'
import { LinkLost } from '../links/link.ts'
import type { AnswerHead } from './answer-parser.ts'
import { answerProblem, breakOff } from './answer.ts'
import { type Asked, headFor } from './asked.ts'
import { linger } from './linger.ts'
import { type Passage, REQUEST_ID } from './passage.ts'
import { RequestBody, SLOWEST_OVER_MS } from './request-body.ts'
import type { Asker, ServiceConnection } from './service-connection.ts'
import type { UnderWay } from './served-tunnel.ts'
import { sendEarlyHints, VisitorAnswer } from './visitor-answer.ts'

/** One request of a visitor, from the choice of its endpoint to the last byte of its answer. Nothing of its bodies is kept. */
export class Exchange implements Asker, UnderWay {
  readonly passage: Passage
  readonly #asked: Asked
  readonly #body: RequestBody | undefined
  #connection: ServiceConnection | undefined
  /** Once it has begun. */
  #answer: VisitorAnswer | undefined
  /** Of the last try. */
  #why: Problem | undefined
  #ended = false
  #wasStale = false
  #outcome: string | undefined

  constructor(passage: Passage, asked: Asked) {
    this.passage = passage
    this.#asked = asked
    if (asked.hasBody) this.#body = new RequestBody(passage, asked)
    asked.response.once('close', () => this.#over())
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
      return this.refuse(this.#why ?? (canServe ? problems.noEndpoint() : problems.noAgent()))
    }
    const { pool } = this.passage.tunnel
    const { endpoint, link } = chosen
    const { ip } = this.passage.caller
    try {
      this.#connection = this.#wasStale
        ? pool.fresh(endpoint, link, ip)
        : pool.take(endpoint, link, ip)
    } catch (error) {
      return this.onFailed('unsent', error as Error)
    }
    const { request, hasBody, chunked } = this.#asked
    this.#connection.ask(this, {
      method: request.method!,
      head: headFor(this.passage, this.#asked, endpoint.url),
      ...{ upgrading: false, hasBody, chunked },
    })
  }

  /** Answers in place of the service; once an answer has begun, it can only be broken off. */
  refuse(problem: Problem): void {
    this.#outcome ??= problem.code
    this.#letGo()
    const { request, response } = this.#asked
    if (this.#answer) this.#breakOff()
    else answerProblem(request, response, problem, [REQUEST_ID, this.passage.id])
  }

  cut(): void {
    if (this.#ended) return
    this.#outcome = 'cut'
    this.#letGo()
    this.#breakOff()
  }

  look(nowMs: number): void {
    const { timeoutSeconds, idleTimeoutSeconds } = this.passage.tunnel.served.spec.config
    this.#body?.look(nowMs)
    if (this.#body?.isTooSlow(nowMs) && !this.#answer) {
      return this.refuse(problems.bodyTooSlow({ seconds: SLOWEST_OVER_MS / 1000 }))
    }
    const quietMs = nowMs - this.passage.activeMs
    if (!this.#answer && quietMs > timeoutSeconds * 1000) {
      this.#fail('timeout', new Error('no answer in time'))
      this.refuse(problems.timeout({ seconds: timeoutSeconds }))
    } else if (quietMs > idleTimeoutSeconds * 1000) {
      this.cut()
    }
  }

  onReached(): void {
    if (this.#connection!.isFresh) this.passage.reached()
    this.#body?.onReached(this.#connection!)
  }

  onInformation(status: number, rawHeaders: string[]): void {
    const { response } = this.#asked
    this.passage.activeMs = performance.now()
    if (status === 100) this.#body?.onContinue()
    if (status === 103 && response.req.httpVersionMinor === 1) sendEarlyHints(response, rawHeaders)
  }

  onHead(head: AnswerHead): void {
    this.passage.answered(head.status)
    const answer = new VisitorAnswer(this.passage, this.#asked, this.#connection!)
    const { isDraining } = this.passage.tunnel.served.surroundings
    const isLast = isDraining || (this.#body?.isHeld ?? false)
    try {
      answer.begin(head, { isLast, onBroken: () => this.cut() })
      this.#answer = answer
    } catch (error) {
      answer.over()
      this.passage.failed('reset', error as Error, { body: true, answer: true })
      this.refuse(problems.serviceFailed({ cause: error }))
    }
  }

  onBody(chunk: Buffer): void {
    if (!this.#ended) this.#answer?.write(chunk)
  }

  onEnd(rawTrailers: string[]): void {
    this.#connection = undefined
    this.#ended = true
    this.#outcome ??= 'answered'
    const { request, response } = this.#asked
    if (this.#body && !this.#body.isWhole) linger(request, response)
    this.#body?.leave()
    this.#answer!.end(rawTrailers)
  }

  onDrain(): void {
    this.#body?.onDrain()
  }

  onFailed(failure: Failure, error: Error): void {
    const stale = this.#connection?.isFresh === false && failure === 'reset'
    this.#lose()
    if (this.#ended || this.#asked.response.destroyed) return
    const again = this.#fail(failure, error, stale)
    if (this.#answer) return this.cut()
    const { canServe } = this.passage.tunnel.served.links
    this.#why = problemOf(failure, error, canServe)
    if (!again) return this.refuse(this.#why)
    this.#wasStale = stale
    this.start()
  }

  #fail(failure: Failure, error: Error, stale = false): boolean {
    const given = {
      body: this.#body !== undefined && !this.#body.isHeld,
      answer: this.#answer !== undefined,
    }
    return this.passage.endpoint !== undefined && this.passage.failed(failure, error, given, stale)
  }

  #letGo(): void {
    this.#connection?.destroy()
    this.#lose()
  }

  #lose(): void {
    this.#connection = undefined
    this.#body?.lose()
    this.#answer?.stop()
  }

  #breakOff(): void {
    this.#ended = true
    breakOff(this.#asked.request, this.#asked.response)
  }

  #over(): void {
    this.#letGo()
    this.passage.tunnel.underWay.delete(this)
    const { response } = this.#asked
    this.#answer?.over()
    const outcome = this.#outcome ?? 'visitor_left'
    const left = outcome === 'answered' && !response.writableFinished
    this.#ended = true
    const status = response.headersSent ? response.statusCode : undefined
    this.passage.over(left ? 'visitor_left' : outcome, status)
  }
}

/** What a visitor is told when nothing else can be tried. */
export function problemOf(failure: Failure, cause: Error, canServe: boolean): Problem {
  if (failure === 'refused' || failure === 'timeout') return problems.serviceRefused({ cause })
  if (cause instanceof LinkLost && !canServe) return problems.noAgent({ cause })
  return problems.serviceFailed({ cause })
}
