import { passedTrailers } from '../headers/trailers.ts'
import type { Asked } from './asked.ts'
import type { Passage } from './passage.ts'
import type { ServiceConnection } from './service-connection.ts'

/** How long a service that was asked whether it wants a body may keep silent. */
const CONTINUE_MS = 1_000
/** A visitor who sends less over this time only holds a place. */
const SLOWEST_BYTES = 1_024
export const SLOWEST_OVER_MS = 30_000

/** What a visitor sends: held back until the service is reached, then passed on at the pace of the service and of the bandwidth. */
export class RequestBody {
  readonly #passage: Passage
  readonly #asked: Asked
  #state: 'held' | 'flowing' | 'sent' = 'held'
  #connection: ServiceConnection | undefined
  /** Since when the service is not waited for any more to say that it wants it; 0 while it was not asked. */
  #continueMs = 0
  #pace: NodeJS.Timeout | undefined
  /** For the slowest that is allowed: bytes, and since when they count. */
  #slow = { bytes: 0, sinceMs: 0 }

  constructor(passage: Passage, asked: Asked) {
    this.#passage = passage
    this.#asked = asked
  }

  /** Nothing of it was given away: the request may be made again. */
  get isHeld(): boolean {
    return this.#state === 'held'
  }

  get isWhole(): boolean {
    return this.#state === 'sent'
  }

  /** The service has taken a connection. */
  onReached(connection: ServiceConnection): void {
    this.#connection = connection
    if (!this.isHeld) return
    if (this.#asked.expects) this.#continueMs = performance.now() + CONTINUE_MS
    else this.#send()
  }

  /** The service has said that it wants it. */
  onContinue(): void {
    if (this.#asked.expects && this.isHeld) this.#send()
  }

  /** The service has taken what came. */
  onDrain(): void {
    if (this.#state === 'flowing' && !this.#pace) this.#asked.request.resume()
  }

  /** Sends it to a service that says nothing to being asked. */
  look(nowMs: number): void {
    if (this.isHeld && this.#continueMs > 0 && nowMs > this.#continueMs) this.#send()
  }

  /** Whether hardly anything has come. Bytes that wait for the service are not the visitor's fault. */
  isTooSlow(nowMs: number): boolean {
    if (this.#state !== 'flowing' || nowMs - this.#slow.sinceMs < SLOWEST_OVER_MS) return false
    const { bytes } = this.#slow
    this.#slow = { bytes: 0, sinceMs: nowMs }
    return bytes < SLOWEST_BYTES && !this.#asked.request.isPaused()
  }

  /** The service is answered for: what still comes goes nowhere. */
  leave(): void {
    this.#state = 'sent'
    this.lose()
  }

  /** Its connection is gone; another one may be reached while it is held. */
  lose(): void {
    this.#connection = undefined
    clearTimeout(this.#pace)
  }

  #send(): void {
    const { request, response, expects } = this.#asked
    this.#state = 'flowing'
    this.#slow = { bytes: 0, sinceMs: performance.now() }
    if (expects && request.httpVersionMajor === 1) response.writeContinue()
    request.on('data', this.#onData)
    request.once('end', () => this.#end())
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state !== 'flowing' || !this.#connection) return
    const waitMs = this.#passage.came(chunk)
    this.#slow.bytes += chunk.length
    const goesOn = this.#connection.write(chunk)
    if (waitMs > 0 || !goesOn) this.#asked.request.pause()
    if (waitMs > 0) this.#wait(waitMs)
  }

  /** Once the bandwidth lets more of it come; a service that has not taken what came is waited for beside. */
  #wait(ms: number): void {
    clearTimeout(this.#pace)
    this.#pace = setTimeout(() => {
      this.#pace = undefined
      if (this.#connection?.isWritable) this.onDrain()
    }, ms)
  }

  #end(): void {
    if (this.#state !== 'flowing') return
    this.#state = 'sent'
    this.#passage.activeMs = performance.now()
    this.#passage.capture?.requestEnd()
    this.#connection?.end(passedTrailers(this.#asked.request.rawTrailers))
  }
}
