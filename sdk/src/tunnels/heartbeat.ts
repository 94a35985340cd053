import type { Http2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { MISSED_PINGS } from './link-protocol.ts'
import type { Timing } from './timing.ts'

export interface HeartbeatEvents {
  onRoundTrip(ms: number): void
  onDead(error: Error): void
}

/**
 * Knows whether the other side is there: a PING at times, and again at once when its answer is late. Bytes that come in are an
 * answer too, since behind a large upload a real one may wait for long.
 */
export class Heartbeat {
  roundTripMs: number | undefined
  readonly #session: Http2Session
  readonly #socket: Socket
  readonly #timing: Timing
  readonly #events: HeartbeatEvents
  #timer: NodeJS.Timeout
  #missed = 0
  #round = 0

  constructor(session: Http2Session, socket: Socket, timing: Timing, events: HeartbeatEvents) {
    this.#session = session
    this.#socket = socket
    this.#timing = timing
    this.#events = events
    socket.setKeepAlive(true, timing.pingEveryMs)
    this.#timer = setTimeout(() => this.#ping(timing.pongMs), 0)
  }

  probe(): void {
    clearTimeout(this.#timer)
    this.#missed = MISSED_PINGS - 1
    this.#ping(this.#timing.probeMs)
  }

  stop(): void {
    this.#round++
    clearTimeout(this.#timer)
  }

  #ping(deadlineMs: number): void {
    if (this.#session.destroyed) return
    // A session that ends in order sends no PING: there the keep-alive of TCP has to do.
    if (this.#session.closed) {
      this.#rest()
      return
    }
    const round = ++this.#round
    const { bytesRead } = this.#socket
    this.#session.ping((error, roundTripMs) => {
      if (error || round !== this.#round) return
      this.roundTripMs = roundTripMs
      this.#events.onRoundTrip(roundTripMs)
      this.#rest()
    })
    this.#timer = setTimeout(() => {
      if (this.#socket.bytesRead > bytesRead || this.#session.closed) this.#rest()
      else this.#miss()
    }, deadlineMs)
  }

  #miss(): void {
    this.#missed++
    if (this.#missed < MISSED_PINGS) this.#ping(this.#timing.pongMs)
    else this.#events.onDead(new Error('the relay has gone silent'))
  }

  #rest(): void {
    clearTimeout(this.#timer)
    this.#missed = 0
    this.#round++
    this.#timer = setTimeout(() => this.#ping(this.#timing.pongMs), this.#timing.pingEveryMs)
  }
}
