import type { Http2Session } from 'node:http2'
import { SESSION_WINDOW, STREAM_WINDOW } from './link-protocol.ts'

const SMALLEST = 64 * 1024
const LARGEST = 8 * 1024 * 1024
/** Of one stream, at the rate of a good line. */
const BYTES_PER_SECOND = 150_000_000
/** What all streams together may keep of what the services have not taken. */
const BUDGET = 32 * 1024 * 1024

/**
 * How much one visitor may send ahead of the service that reads it. A long way needs much in flight, many streams at once must have
 * little each, or services that do not read would fill the memory.
 */
export function windowFor(streams: number, roundTripMs: number): number {
  const needed = Math.max(STREAM_WINDOW, (BYTES_PER_SECOND * roundTripMs) / 1000)
  const share = Math.max(SMALLEST, BUDGET / Math.max(1, streams))
  return Math.min(LARGEST, 2 ** Math.ceil(Math.log2(needed)), 2 ** Math.floor(Math.log2(share)))
}

/** The windows of one link, adjusted as its streams and its round trip change. */
export class Windows {
  readonly #session: Http2Session
  #bytes = STREAM_WINDOW
  #streams = 0
  #roundTripMs = 0

  constructor(session: Http2Session) {
    this.#session = session
    session.setLocalWindowSize(SESSION_WINDOW)
  }

  streams(change: 1 | -1): void {
    this.#streams += change
    this.#adjust()
  }

  roundTrip(ms: number): void {
    this.#roundTripMs = ms
    this.#adjust()
  }

  #adjust(): void {
    const bytes = windowFor(this.#streams, this.#roundTripMs)
    // It grows with some room only, so that streams that come and go at the edge of a step change nothing.
    const grows = windowFor(this.#streams * 1.25, this.#roundTripMs) > this.#bytes
    if (bytes >= this.#bytes && !grows) return
    this.#bytes = bytes
    if (!this.#session.destroyed) this.#session.settings({ initialWindowSize: bytes })
  }
}
