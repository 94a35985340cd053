import type { ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import { answeredHeaders } from '../headers/answered.ts'
import {
  acceptedEncoding,
  compressedHeaders,
  compressing,
  isCompressible,
} from '../headers/compression.ts'
import { passedTrailers } from '../headers/trailers.ts'
import type { AnswerHead } from './answer-parser.ts'
import type { Asked } from './asked.ts'
import { type Passage, REQUEST_ID } from './passage.ts'
import type { ServiceConnection } from './service-connection.ts'

const SMALL_BYTES = 4 * 1024
/** Below what a response takes before it is behind. */
const BURST_BYTES = 48 * 1024

/** What a visitor gets of a service's answer: with our headers, at the pace of the visitor and of the bandwidth. */
export class VisitorAnswer {
  readonly #passage: Passage
  readonly #asked: Asked
  /** Until the answer of the service is whole. */
  #connection: ServiceConnection | undefined
  /** The response, or what compresses before it. */
  #out: Writable
  #length: number | undefined
  #pace: NodeJS.Timeout | undefined
  /** The visitor is waited for. */
  #isBehind = false
  /** Bytes that are held back for the rest of this turn. */
  #burst = 0
  #isDue = false

  constructor(passage: Passage, asked: Asked, connection: ServiceConnection) {
    this.#passage = passage
    this.#asked = asked
    this.#connection = connection
    this.#out = asked.response
  }

  /** `isLast`: the visitor's connection takes nothing more. `onBroken`: what compresses has failed. @throws for a bad head */
  begin(head: AnswerHead, { isLast, onBroken }: { isLast: boolean; onBroken: () => void }): void {
    const { response } = this.#asked
    const { status, reason } = head
    const headers = this.#headers(head, onBroken)
    if (response.req.httpVersionMajor === 1) {
      if (isLast) headers.push('Connection', 'close')
      response.writeHead(status, reason, headers)
    } else {
      response.writeHead(status, headers)
    }
    this.#length = head.length
    process.nextTick(flushHead, response)
  }

  write(chunk: Buffer): void {
    const waitMs = this.#passage.went(chunk)
    if (
      chunk.length === this.#length &&
      chunk.length <= SMALL_BYTES &&
      this.#out === this.#asked.response
    ) {
      // Head and body as one text are one write: most answers are small.
      this.#out.end(chunk.toString('latin1'), 'latin1')
      return
    }
    const goesOn = this.#isLarge(chunk) ? this.#writeInBursts(chunk) : this.#out.write(chunk)
    if (waitMs > 0) this.#wait(waitMs)
    else if (!goesOn) this.#pause()
  }

  end(rawTrailers: readonly string[]): void {
    this.stop()
    this.#flush()
    if (rawTrailers.length > 0) addTrailers(this.#asked.response, passedTrailers(rawTrailers))
    if (!this.#out.writableEnded) this.#out.end()
  }

  /** Nothing more comes by the connection to the service, which may be another request's now. */
  stop(): void {
    this.#connection = undefined
    clearTimeout(this.#pace)
  }

  /** The visitor has all of it, or has gone. */
  over(): void {
    // What compresses keeps its memory until it is ended.
    if (this.#out !== this.#asked.response) this.#out.destroy()
  }

  #headers({ status, rawHeaders, length }: AnswerHead, onBroken: () => void): string[] {
    const { served, responseEdits: edits } = this.#passage.tunnel
    const { domain } = served.surroundings
    const given = answeredHeaders(rawHeaders, { tunnelDomain: domain, webSocket: false, edits })
    const headers = this.#mayHaveTrailers(length) ? given : withoutTrailer(given)
    this.#passage.capture?.responseHead(headers)
    headers.push(REQUEST_ID, this.#passage.id)
    return served.spec.config.compression ? this.#compress(status, headers, onBroken) : headers
  }

  /** Only chunks leave a place for them, and HTTP/1.0 has none. */
  #mayHaveTrailers(length: number | undefined): boolean {
    return length === undefined && this.#asked.request.httpVersion !== '1.0'
  }

  #compress(status: number, headers: string[], onBroken: () => void): string[] {
    const { request, response } = this.#asked
    if (!isCompressible({ method: request.method!, status, headers })) return headers
    const encoding = acceptedEncoding(request.headers['accept-encoding'])
    if (encoding) {
      const compressed = compressing(encoding)
      compressed.pipe(response)
      compressed.on('error', onBroken)
      this.#out = compressed
    }
    return compressedHeaders(headers, encoding)
  }

  #isLarge(chunk: Buffer): boolean {
    return (this.#burst > 0 || chunk.length > SMALL_BYTES) && this.#out === this.#asked.response
  }

  /** A link brings much as many small pieces at once, of which each would be a call of the system. */
  #writeInBursts(chunk: Buffer): boolean {
    if (this.#burst === 0) this.#asked.response.cork()
    if (!this.#isDue) setImmediate(this.#flushDue)
    this.#isDue = true
    this.#burst += chunk.length
    const goesOn = this.#out.write(chunk)
    if (this.#burst >= BURST_BYTES || !goesOn) this.#flush()
    return goesOn
  }

  readonly #flushDue = (): void => {
    this.#isDue = false
    this.#flush()
  }

  #flush(): void {
    if (this.#burst === 0) return
    this.#burst = 0
    this.#asked.response.uncork()
  }

  #pause(): void {
    if (!this.#connection || this.#isBehind) return
    this.#isBehind = true
    this.#connection.pause()
    this.#out.once('drain', () => {
      this.#isBehind = false
      this.#passage.activeMs = performance.now()
      this.#connection?.resume()
    })
  }

  #wait(ms: number): void {
    this.#connection?.pause()
    clearTimeout(this.#pace)
    this.#pace = setTimeout(() => {
      if (this.#out.writableNeedDrain) this.#pause()
      else this.#connection?.resume()
    }, ms)
  }
}

/** An answer whose body takes its time has its head at once. */
function flushHead(response: ServerResponse): void {
  if (!response.writableEnded && !response.destroyed) response.flushHeaders()
}

function withoutTrailer(headers: string[]): string[] {
  return headers.filter((_, at) => headers[at - (at % 2)]!.toLowerCase() !== 'trailer')
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

export function sendEarlyHints(response: ServerResponse, rawHeaders: readonly string[]): void {
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
