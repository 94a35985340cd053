import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import { plainHost } from '#kernel/public-addresses.ts'
import type { EgressFailure, FailureReason, RefusalReason } from './egress-failure.ts'
import { Recent } from './egress-recent.ts'

/** A destination that the browser was refused. */
export interface Refusal {
  host: string
  port: number
  reason: RefusalReason
  at: Date
}

/** Why the browser did not get to a host of late. */
export interface Trouble {
  reason: RefusalReason | FailureReason
  /** A sentence for the customer. */
  explanation: string
  at: Date
}

interface Named {
  sessionId: string
  log: Logger
}

const MAX_HOST_LENGTH = 253

/** What became of requests that did not get through, counted exactly and told sparingly. */
export class Notes {
  refused = 0
  readonly listeners: ((refusal: Refusal) => void)[] = []
  readonly #options: Named
  readonly #clock: Clock
  readonly #refusals: Recent<true>
  readonly #troubles: Recent<Trouble>

  /** The session's id is read each time: a browser that waits has none yet. */
  constructor(options: Named, clock: Clock) {
    this.#options = options
    this.#clock = clock
    this.#refusals = new Recent(clock)
    this.#troubles = new Recent(clock)
  }

  add(hostname: string, port: number, failure: EgressFailure): void {
    const host = nameOf(hostname)
    const at = this.#clock.now()
    const { reason, refusal } = failure
    const explanation = failure.explain(host)
    const isNews = this.#troubles.add(`${host}:${port}`, { reason, explanation, at })
    if (refusal) return this.#addRefusal({ host, port, reason: refusal, at })
    if (!isNews) return
    const { sessionId: session, log } = this.#options
    log.info({ session, host, port, reason, explanation }, 'browser did not reach a host')
  }

  troubleWith(hostname: string, port: number): Trouble | undefined {
    return this.#troubles.get(`${nameOf(hostname)}:${port}`)
  }

  #addRefusal(refusal: Refusal): void {
    this.refused += 1
    const { host, port, reason } = refusal
    if (!this.#refusals.add(`${host}:${port}:${reason}`, true)) return
    const { sessionId: session, log } = this.#options
    log.debug({ session, host, port, reason }, 'destination refused to a browser')
    for (const listener of this.listeners) listener(refusal)
  }
}

function nameOf(hostname: string): string {
  return (plainHost(hostname) ?? hostname).slice(0, MAX_HOST_LENGTH)
}
