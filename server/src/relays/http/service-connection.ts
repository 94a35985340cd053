import { type ClientHttp2Stream, constants } from 'node:http2'
import type { EndpointSpec } from '#tunnels/index.ts'
import type { Failure } from '../balance/retry.ts'
import { type Link, NotReached } from '../links/link.ts'
import { type AnswerHead, AnswerParser, type AnswerSink, BadAnswer } from './answer-parser.ts'

/** What may wait to go to a service: while one piece is on its way, the next is read. */
const MOST_WAITING_BYTES = 128 * 1024

/** Who asks a service something, and hears what comes of it. After `onFailed` or a whole answer, nothing more. */
export interface Asker extends AnswerSink {
  /** The service has taken the connection. At once, when an earlier request was answered on it. */
  onReached(): void
  /** More of the body may be written. */
  onDrain(): void
  /** The request has no whole answer. What has come of one has come. */
  onFailed(failure: Failure, error: Error): void
}

export interface Question {
  method: string
  head: string
  upgrading: boolean
  hasBody: boolean
  chunked: boolean
}

/** A connection to a local service over a stream of a link, for one request after the other. */
export class ServiceConnection implements AnswerSink {
  readonly link: Link
  readonly endpoint: EndpointSpec
  /** Since when it has waited for a request, and until when the service keeps it, on the steady clock. */
  idleSinceMs = 0
  idleUntilMs = 0
  readonly #stream: ClientHttp2Stream
  readonly #parser = new AnswerParser()
  readonly #onIdle: (connection: ServiceConnection) => void
  #asker: Asker | undefined
  #question: Question | undefined
  #reached = false
  #asked = 0
  #bodyOpen = false
  #paused = false
  #keepAliveSeconds: number | undefined
  #gone = false

  /** `onIdle`: it may be asked again. */
  constructor(
    link: Link,
    endpoint: EndpointSpec,
    stream: ClientHttp2Stream,
    onIdle: (connection: ServiceConnection) => void,
  ) {
    this.link = link
    this.endpoint = endpoint
    this.#stream = stream
    this.#onIdle = onIdle
    stream.on('response', (headers) => this.#onResponse(headers))
    stream.on('data', (chunk: Buffer) => this.#onData(chunk))
    stream.on('drain', () => this.#asker?.onDrain())
    stream.on('end', () => this.#onEndOfStream())
    stream.on('error', (error) => this.#fail(error))
    stream.on('close', () => this.#fail(new Error('the connection to the service has ended')))
  }

  /** Whether the service has been reached, by this request or an earlier one. */
  get isReached(): boolean {
    return this.#reached
  }

  get isFresh(): boolean {
    return this.#asked <= 1
  }

  get keepAliveSeconds(): number | undefined {
    return this.#keepAliveSeconds
  }

  /** What a service has said since its answer would be taken for the next one. */
  get isUsable(): boolean {
    return !this.#gone && this.link.isOpen && !this.link.leaving && !this.#hasUnread
  }

  get #hasUnread(): boolean {
    return this.#stream.readableLength > 0
  }

  /** Sends the head of a request, at once. Its body, if it has one, follows by `write` and `end`. */
  ask(asker: Asker, question: Question): void {
    this.#asker = asker
    this.#question = question
    this.#asked++
    this.#bodyOpen = question.hasBody
    this.#parser.expect(this, question)
    this.#stream.write(question.head, 'latin1')
    if (this.#reached) asker.onReached()
  }

  /** Whether more of a body may be written now. */
  get isWritable(): boolean {
    return this.#gone || this.#stream.writableLength < MOST_WAITING_BYTES
  }

  /** False when the next one should wait for `onDrain`. */
  write(chunk: Uint8Array): boolean {
    if (this.#gone) return true
    if (this.#question?.chunked) this.#writeChunk(chunk)
    else this.#stream.write(chunk)
    return this.isWritable
  }

  #writeChunk(chunk: Uint8Array): void {
    this.#stream.cork()
    this.#stream.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
    this.#stream.write(chunk)
    this.#stream.write('\r\n', 'latin1')
    this.#stream.uncork()
  }

  end(rawTrailers: readonly string[]): void {
    this.#bodyOpen = false
    if (this.#gone || !this.#question?.chunked) return
    let end = '0\r\n'
    for (let i = 0; i < rawTrailers.length; i += 2) {
      end += `${rawTrailers[i]}: ${rawTrailers[i + 1]}\r\n`
    }
    this.#stream.write(`${end}\r\n`, 'latin1')
  }

  /** The visitor of an upgraded connection says nothing more. */
  endBytes(): void {
    if (!this.#gone) this.#stream.end()
  }

  pause(): void {
    if (this.#paused || this.#gone) return
    this.#paused = true
    this.link.windows.behind(1)
    this.#stream.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.link.windows.behind(-1)
    if (!this.#gone) this.#stream.resume()
  }

  /** Ends it, and whatever is under way on it, without a word to who asked. */
  destroy(): void {
    this.#asker = undefined
    this.#leave()
    this.#end()
  }

  /** Whatever a service still says to a request is for nobody, so it is not waited for; bytes that were said to it are to reach it. */
  #end(): void {
    if (!this.#question?.upgrading) this.#stream.close(constants.NGHTTP2_CANCEL)
    this.#stream.destroy()
  }

  onInformation(status: number, rawHeaders: string[]): void {
    this.#asker?.onInformation(status, rawHeaders)
  }

  onHead(head: AnswerHead): void {
    this.#keepAliveSeconds = head.keepAliveSeconds
    this.#asker?.onHead(head)
  }

  onBody(chunk: Buffer): void {
    this.#asker?.onBody(chunk)
  }

  onEnd(rawTrailers: string[]): void {
    this.#asker?.onEnd(rawTrailers)
  }

  #onResponse(headers: Record<string, unknown>): void {
    const status = Number(headers[':status'])
    if (status === 200) {
      this.#reached = true
      this.#asker?.onReached()
      return
    }
    this.#fail(new NotReached(status, String(headers['gantry-reason'] ?? 'the agent has refused')))
    this.#stream.destroy()
  }

  #onData(chunk: Buffer): void {
    if (this.#gone) return
    try {
      this.#parser.read(chunk)
    } catch (error) {
      this.#fail(error as Error)
      this.#end()
      return
    }
    if (this.#parser.isDone && this.#asker) this.#answered()
  }

  /** Only now that all that came with the end of the answer is read: bytes beyond it are of no answer. */
  #answered(): void {
    this.#asker = undefined
    this.resume()
    if (this.#bodyOpen || !this.#parser.keepAlive || !this.isUsable) {
      this.#leave()
      this.#stream.destroy()
    } else {
      this.#onIdle(this)
    }
  }

  #onEndOfStream(): void {
    if (this.#gone) return
    try {
      this.#parser.end()
      this.#asker = undefined
      this.#leave()
      this.#stream.destroy()
    } catch (error) {
      this.#fail(error as Error)
      this.#stream.destroy()
    }
  }

  #fail(error: Error): void {
    if (this.#gone) return
    const asker = this.#asker
    this.#asker = undefined
    this.#leave()
    asker?.onFailed(this.#failureOf(error), error)
  }

  #failureOf(error: Error): Failure {
    // Also when the service was silent: it has not even taken a connection.
    if (error instanceof NotReached) return 'refused'
    // RFC 9113, section 8.7: nothing was done with it.
    if (this.#stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) return 'unsent'
    if (error instanceof BadAnswer) return 'reset'
    if (!this.link.isOpen) return 'link_lost'
    return 'reset'
  }

  #leave(): void {
    this.resume()
    this.#gone = true
  }
}
