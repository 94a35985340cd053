import { PING_EVERY_MS } from '../link-protocol.ts'

/** One side of a link that is asked whether it is still there. */
export interface Beating {
  /** Bytes that have come so far: something that speaks is there. */
  readonly bytesRead: number
  /** False when it cannot be sent. */
  ping(answered: (roundTripMs: number) => void): boolean
  onSilence(): void
}

interface Pulse {
  asked: boolean
  misses: number
  bytesRead: number
  /** Visits until it is asked again. */
  rest: number
}

const BUCKETS = 10
/** A link is looked at twice for each PING, so that the second miss is known 20 s after its last answer. */
const ROUND_MS = PING_EVERY_MS / 2
const MISSES = 2

/** One clock for all links: each is looked at every 5 s, some at each tick, so that an idle link has no timer of its own. */
export class Heartbeats implements Disposable {
  readonly #buckets = Array.from({ length: BUCKETS }, () => new Map<Beating, Pulse>())
  readonly #timer: NodeJS.Timeout
  #tick = 0

  constructor(roundMs = ROUND_MS) {
    this.#timer = setInterval(() => this.#turn(), roundMs / BUCKETS)
  }

  /** Asks at once, for the round trip, and every 10 s from then on. */
  add(one: Beating): void {
    const bucket = this.#buckets.reduce((least, each) => (each.size < least.size ? each : least))
    const pulse = { asked: false, misses: 0, bytesRead: 0, rest: 0 }
    bucket.set(one, pulse)
    this.#ask(one, pulse)
  }

  remove(one: Beating): void {
    for (const bucket of this.#buckets) if (bucket.delete(one)) return
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #turn(): void {
    this.#tick = (this.#tick + 1) % BUCKETS
    for (const [one, pulse] of this.#buckets[this.#tick]!) this.#look(one, pulse)
  }

  #look(one: Beating, pulse: Pulse): void {
    const heard = one.bytesRead !== pulse.bytesRead
    pulse.bytesRead = one.bytesRead
    if (!pulse.asked || heard) {
      pulse.misses = 0
      if (!pulse.asked && pulse.rest-- <= 0) this.#ask(one, pulse)
      return
    }
    if (++pulse.misses >= MISSES) one.onSilence()
    else this.#ask(one, pulse)
  }

  #ask(one: Beating, pulse: Pulse): void {
    pulse.rest = 1
    pulse.bytesRead = one.bytesRead
    pulse.asked = one.ping(() => {
      pulse.asked = false
      pulse.misses = 0
    })
  }
}
