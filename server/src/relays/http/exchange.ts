import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import type { Problem } from '#kernel/problem.ts'
import type { Failure } from '../balance/retry.ts'
import type { Admitted } from '../gate/admission.ts'
import { answeredHeaders } from '../headers/answered.ts'
import {
  acceptedEncoding,
  compressedHeaders,
  compressing,
  isCompressible,
} from '../headers/compression.ts'
import { forwardedHeaders } from '../headers/forwarded.ts'
import { serviceHost } from '../headers/service-host.ts'
import { passedTrailers } from '../headers/trailers.ts'
import { visitorProblems as problems } from '../gate/problems.ts'
import { LinkLost } from '../links/link.ts'
import type { AnswerHead } from './answer-parser.ts'
import { answerProblem, breakOff } from './answer.ts'
import { linger } from './linger.ts'
import { type Passage, REQUEST_ID } from './passage.ts'
import type { Asker, ServiceConnection } from './service-connection.ts'
import type { UnderWay } from './served-tunnel.ts'

/** How long a service that was asked whether it wants a body may keep silent. */
const CONTINUE_MS = 1_000
/** A visitor who sends less over this time only holds a place. */
const SLOWEST_BYTES = 1_024
const SLOWEST_OVER_MS = 30_000
const SMALL_BYTES = 4 * 1024

export interface Asked {
  request: IncomingMessage
  response: ServerResponse
  /** Path and query, and the host as the visitor has asked for it. */
  path: string
  host: string
  hasBody: boolean
  /** The visitor waits to be told to send its body. */
  expects: boolean
}

/** One request of a visitor, from the choice of its endpoint to the last byte of its answer. Nothing of its bodies is kept. */
export class Exchange implements Asker, UnderWay {
  readonly passage: Passage
  readonly #asked: Asked
  readonly #chunked: boolean
  #connection: ServiceConnection | undefined
  /** Of the answer: the response, or what compresses before it. */
  #out: Writable | undefined
  #answering = false
  #length: number | undefined
  /** Of the last try. */
  #why: Problem | undefined
  #ended = false
  #body: 'none' | 'held' | 'flowing' | 'sent'
  #continueMs = 0
  #wasStale = false
  #pace: NodeJS.Timeout | undefined
  #uploadPace: NodeJS.Timeout | undefined
  /** The visitor is waited for. */
  #isBehind = false
  #outcome: string | undefined
  /** For the slowest that is allowed: bytes of the body, and since when they count. */
  #slow = { bytes: 0, sinceMs: 0 }

  constructor(passage: Passage, asked: Asked) {
    this.passage = passage
    this.#asked = asked
    this.#chunked = asked.hasBody && asked.request.headers['content-length'] === undefined
    this.#body = asked.hasBody ? 'held' : 'none'
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
    const { request, hasBody } = this.#asked
    this.#connection.ask(this, {
      method: request.method!,
      head: this.#head(endpoint.url),
      upgrading: false,
      hasBody,
      chunked: this.#chunked,
    })
  }

  /** Answers in place of the service; once an answer has begun, it can only be broken off. */
  refuse(problem: Problem): void {
    this.#outcome ??= problem.code
    this.#letGo()
    const { request, response } = this.#asked
    if (this.#answering) this.#breakOff()
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
    if (this.#body === 'held' && this.#continueMs > 0 && nowMs > this.#continueMs) this.#sendBody()
    if (this.#body === 'flowing' && this.#isTooSlow(nowMs)) {
      return this.refuse(problems.bodyTooSlow({ seconds: SLOWEST_OVER_MS / 1000 }))
    }
    const quietMs = nowMs - this.passage.activeMs
    if (!this.#answering && quietMs > timeoutSeconds * 1000) {
      this.#fail('timeout', new Error('no answer in time'))
      this.refuse(problems.timeout({ seconds: timeoutSeconds }))
    } else if (quietMs > idleTimeoutSeconds * 1000) {
      this.cut()
    }
  }

  onReached(): void {
    if (this.#connection!.isFresh) this.passage.reached()
    if (this.#body !== 'held') return
    if (this.#asked.expects) this.#continueMs = this.#nowMs + CONTINUE_MS
    else this.#sendBody()
  }

  onInformation(status: number, rawHeaders: string[]): void {
    const { response, expects } = this.#asked
    this.passage.activeMs = this.#nowMs
    if (status === 100 && expects && this.#body === 'held') this.#sendBody()
    if (status === 103 && response.req.httpVersionMinor === 1) sendEarlyHints(response, rawHeaders)
  }

  onHead({ status, reason, rawHeaders, length }: AnswerHead): void {
    const { response } = this.#asked
    this.passage.answered(status)
    this.#answering = true
    const headers = this.#answerHeaders(status, rawHeaders)
    this.#out ??= response
    try {
      if (response.req.httpVersionMajor === 1) response.writeHead(status, reason, headers)
      else response.writeHead(status, headers)
    } catch (error) {
      this.onFailed('reset', error as Error)
      return
    }
    this.#length = length
    process.nextTick(flushHead, response)
  }

  onBody(chunk: Buffer): void {
    if (this.#ended || !this.#out) return
    const waitMs = this.passage.went(chunk)
    if (
      chunk.length === this.#length &&
      chunk.length <= SMALL_BYTES &&
      this.#out === this.#asked.response
    ) {
      // Head and body as one text are one write: most answers are small.
      this.#out.end(chunk.toString('latin1'), 'latin1')
      return
    }
    const goesOn = this.#out.write(chunk)
    if (waitMs > 0) this.#wait(waitMs)
    else if (!goesOn) this.#pause()
  }

  onEnd(rawTrailers: string[]): void {
    this.#connection = undefined
    this.#ended = true
    this.#outcome ??= 'answered'
    const { request, response } = this.#asked
    if (rawTrailers.length > 0) addTrailers(response, passedTrailers(rawTrailers))
    if (this.#body === 'flowing' || this.#body === 'held') linger(request, response)
    this.#body = 'sent'
    if (!this.#out!.writableEnded) this.#out!.end()
  }

  onDrain(): void {
    if (this.#body === 'flowing' && !this.#uploadPace) this.#asked.request.resume()
  }

  onFailed(failure: Failure, error: Error): void {
    const stale = this.#connection?.isFresh === false && failure === 'reset'
    this.#connection = undefined
    if (this.#ended || this.#asked.response.destroyed) return
    const again = this.#fail(failure, error, stale)
    if (this.#answering) return this.cut()
    const { canServe } = this.passage.tunnel.served.links
    this.#why = problemOf(failure, error, canServe)
    if (!again) return this.refuse(this.#why)
    this.#wasStale = stale
    this.start()
  }

  get #nowMs(): number {
    return performance.now()
  }

  #head(endpointUrl: string): string {
    const { request, path, host, expects } = this.#asked
    const { caller, tunnel, admitted } = this.passage
    const { spec } = tunnel.served
    const headers = forwardedHeaders(request.rawHeaders, {
      ...{ tunnelId: spec.id, peer: caller.peer, trusted: caller.trusted, secure: caller.secure },
      ...{ host, serviceHost: serviceHost(spec.config.hostHeader, host, endpointUrl) },
      ...{ webSocket: false, edits: tunnel.requestEdits },
      ...(admitted?.withoutAuthorization && { withoutAuthorization: true }),
    })
    if (this.#chunked) headers.push('Transfer-Encoding', 'chunked')
    if (expects) headers.push('Expect', '100-continue')
    this.passage.capture?.requestHead(request.rawHeaders)
    if (!this.#asked.hasBody) this.passage.capture?.requestEnd()
    return requestHead(request.method!, path, headers)
  }

  #answerHeaders(status: number, rawHeaders: readonly string[]): string[] {
    const { request } = this.#asked
    const { served, responseEdits } = this.passage.tunnel
    const { domain, isDraining } = served.surroundings
    const edits = responseEdits
    let headers = answeredHeaders(rawHeaders, { tunnelDomain: domain, webSocket: false, edits })
    this.passage.capture?.responseHead(headers)
    headers.push(REQUEST_ID, this.passage.id)
    if (served.spec.config.compression) headers = this.#compress(status, headers)
    if (request.httpVersionMajor === 1 && (isDraining || this.#body === 'held')) {
      headers.push('Connection', 'close')
    }
    return headers
  }

  #compress(status: number, headers: string[]): string[] {
    const { request, response } = this.#asked
    if (!isCompressible({ method: request.method!, status, headers })) return headers
    const encoding = acceptedEncoding(request.headers['accept-encoding'])
    if (encoding) {
      const compressed = compressing(encoding)
      compressed.pipe(response)
      compressed.on('error', () => this.cut())
      this.#out = compressed
    }
    return compressedHeaders(headers, encoding)
  }

  #sendBody(): void {
    const { request, response, expects } = this.#asked
    this.#body = 'flowing'
    this.#slow = { bytes: 0, sinceMs: this.#nowMs }
    if (expects && request.httpVersionMajor === 1) response.writeContinue()
    request.on('data', this.#onRequestData)
    request.once('end', () => this.#endBody())
  }

  readonly #onRequestData = (chunk: Buffer): void => {
    if (this.#body !== 'flowing' || !this.#connection) return
    const waitMs = this.passage.came(chunk)
    this.#slow.bytes += chunk.length
    const goesOn = this.#connection.write(chunk)
    if (waitMs > 0 || !goesOn) this.#asked.request.pause()
    if (waitMs > 0) this.#waitForBody(waitMs)
  }

  /** Once the bandwidth lets more of it come; a service that has not taken what came is waited for beside. */
  #waitForBody(ms: number): void {
    clearTimeout(this.#uploadPace)
    this.#uploadPace = setTimeout(() => {
      this.#uploadPace = undefined
      if (this.#connection?.isWritable) this.onDrain()
    }, ms)
  }

  #endBody(): void {
    if (this.#body !== 'flowing') return
    this.#body = 'sent'
    this.passage.activeMs = this.#nowMs
    this.passage.capture?.requestEnd()
    this.#connection?.end(passedTrailers(this.#asked.request.rawTrailers))
  }

  /** Bytes that wait for the service are not the visitor's fault. */
  #isTooSlow(nowMs: number): boolean {
    if (nowMs - this.#slow.sinceMs < SLOWEST_OVER_MS) return false
    const { bytes } = this.#slow
    this.#slow = { bytes: 0, sinceMs: nowMs }
    return bytes < SLOWEST_BYTES && !this.#asked.request.isPaused() && !this.#answering
  }

  #fail(failure: Failure, error: Error, stale = false): boolean {
    const given = {
      body: this.#body === 'flowing' || (this.#body === 'sent' && this.#asked.hasBody),
      answer: this.#answering,
    }
    return this.passage.endpoint !== undefined && this.passage.failed(failure, error, given, stale)
  }

  #pause(): void {
    const connection = this.#connection
    if (!connection || this.#isBehind) return
    this.#isBehind = true
    connection.pause()
    this.#out!.once('drain', () => {
      this.#isBehind = false
      this.passage.activeMs = this.#nowMs
      connection.resume()
    })
  }

  #wait(ms: number): void {
    const connection = this.#connection
    connection?.pause()
    clearTimeout(this.#pace)
    this.#pace = setTimeout(() => {
      if (this.#out?.writableNeedDrain) this.#pause()
      else connection?.resume()
    }, ms)
  }

  #letGo(): void {
    this.#connection?.destroy()
    this.#connection = undefined
    clearTimeout(this.#pace)
    clearTimeout(this.#uploadPace)
  }

  #breakOff(): void {
    this.#ended = true
    breakOff(this.#asked.request, this.#asked.response)
  }

  #over(): void {
    this.#letGo()
    this.passage.tunnel.underWay.delete(this)
    const { response } = this.#asked
    // What compresses keeps its memory until it is ended.
    if (this.#out !== response) this.#out?.destroy()
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

/** The head of a request as it goes to a service. */
export function requestHead(method: string, path: string, headers: readonly string[]): string {
  let head = `${method} ${path} HTTP/1.1\r\n`
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
  return `${head}\r\n`
}

/** An answer whose body takes its time has its head at once. */
function flushHead(response: ServerResponse): void {
  if (!response.writableEnded && !response.destroyed) response.flushHeaders()
}

function addTrailers(response: ServerResponse, rawTrailers: readonly string[]): void {
  const trailers: [string, string][] = []
  for (let i = 0; i < rawTrailers.length; i += 2)
    trailers.push([rawTrailers[i]!, rawTrailers[i + 1]!])
  try {
    response.addTrailers(trailers)
  } catch {
    // What cannot be said as a trailer is left out.
  }
}

function sendEarlyHints(response: ServerResponse, rawHeaders: readonly string[]): void {
  const link: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() === 'link') link.push(rawHeaders[i + 1]!)
  }
  try {
    if (link.length > 0) response.writeEarlyHints({ link })
  } catch {
    // Hints may be left out.
  }
}
