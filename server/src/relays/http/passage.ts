import type { EndpointSpec } from '#tunnels/index.ts'
import type { BreakerState } from '../balance/breaker.ts'
import { type Failure, type Given, mayRetry } from '../balance/retry.ts'
import type { Admitted } from '../gate/admission.ts'
import type { Capture } from '../inspect/capture.ts'
import type { Decision, Retry } from '../inspect/decision.ts'
import { redactUrl } from '../inspect/redaction.ts'
import type { Slot } from '../limits/limits.ts'
import type { Link } from '../links/link.ts'
import type { ActiveTunnel } from './served-tunnel.ts'

/** Who comes, and how far that is known. */
export interface Caller {
  readonly ip: string
  /** The far end of the connection, and whether it is a trusted proxy. */
  readonly peer: string
  readonly trusted: boolean
  /** Whether it came by TLS. */
  readonly secure: boolean
  /** Of a browser session. */
  readonly sessionId?: string
  readonly grantId?: string
  readonly replayOf?: string
  /** The relay that it has come to. */
  readonly forwardedBy?: string
}

export interface Wanted {
  kind: Decision['kind']
  method?: string
  host?: string
  path?: string
}

/** Of each answer: by it the owner finds what was decided. */
export const REQUEST_ID = 'Gantry-Request-Id'

/** Of one request. */
const MOST_RETRIES = 3
const NO_RETRIES: readonly Retry[] = []

/** One way through the tunnel: which endpoint is taken, what was tried before, what passes, and the record of it at its end. */
export class Passage {
  readonly tunnel: ActiveTunnel
  readonly caller: Caller
  readonly wanted: Wanted
  readonly id: string
  readonly startedMs: number
  readonly #startedAtMs: number
  admitted: Admitted | undefined
  slot: Slot | undefined
  /** The limit that it waited for, or that refused it. */
  limit: string | undefined
  capture: Capture | undefined
  endpoint: EndpointSpec | undefined
  link: Link | undefined
  /** When something has passed last. */
  activeMs: number
  #bytesIn = 0
  #bytesOut = 0
  #askedMs = 0
  #connectMs: number | undefined
  #firstByteMs: number | undefined
  #breaker: BreakerState | undefined
  #tried: Set<string> | undefined
  #retries: Retry[] | undefined
  #over = false

  constructor(tunnel: ActiveTunnel, caller: Caller, wanted: Wanted) {
    const { surroundings } = tunnel.served
    this.tunnel = tunnel
    this.caller = caller
    this.wanted = wanted
    this.id = surroundings.newRequestId()
    this.#startedAtMs = surroundings.clock.now().getTime()
    this.startedMs = surroundings.clock.monotonicMs()
    this.activeMs = this.startedMs
    tunnel.usedMs = this.startedMs
    tunnel.budget.began()
    surroundings.sums.underWay++
  }

  get grantId(): string | undefined {
    return this.admitted?.grantId ?? this.caller.grantId
  }

  get bytesOut(): number {
    return this.#bytesOut
  }

  /** The endpoint to go to, and the link that leads there; undefined when there is none that was not tried. */
  choose(): { endpoint: EndpointSpec; link: Link } | undefined {
    const { balance, served, meter } = this.tunnel
    const endpoint = balance.choose(this.#choices)
    const link = endpoint && served.links.pick(endpoint.agent)
    if (!endpoint || !link) return undefined
    this.endpoint = endpoint
    this.link = link
    this.#breaker = balance.breakerOf(endpoint.id)
    this.#askedMs = performance.now()
    meter.began(endpoint.id)
    return { endpoint, link }
  }

  /** The service was reached by a connection that was made for it. */
  reached(): void {
    this.#connectMs ??= performance.now() - this.#askedMs
  }

  /** An answer has begun. */
  answered(status: number): void {
    const nowMs = performance.now()
    this.#firstByteMs ??= nowMs - this.startedMs
    this.activeMs = nowMs
    const { balance } = this.tunnel
    balance.answered(this.endpoint!.id, status, nowMs - this.#askedMs)
  }

  /**
   * Whether another try may be made: there is somewhere to go, nothing forbids it, and there is room for it. `stale`: a connection that
   * was used before had ended.
   */
  failed(failure: Failure, error: Error, given: Given, stale = false): boolean {
    const { balance, budget, meter } = this.tunnel
    const { id } = this.endpoint!
    // Of its service, neither says anything; it may be asked again, by another link.
    if (stale || failure === 'link_lost' || failure === 'unsent') balance.abandoned(id)
    else {
      balance.failed(id, error.message)
      ;(this.#tried ??= new Set()).add(id)
    }
    if (!mayRetry(this.wanted.method ?? '', given, failure)) return false
    if ((this.#retries?.length ?? 0) >= MOST_RETRIES) return false
    if (!balance.hasChoice(this.#choices) || !budget.tryRetry()) return false
    meter.ended(id)
    ;(this.#retries ??= []).push({ endpointId: id, failure, detail: error.message })
    return true
  }

  get #choices() {
    const { links } = this.tunnel.served
    const has = (label: string) => links.has(label)
    return this.#tried ? { has, not: this.#tried } : { has }
  }

  /** Bytes of the visitor's; gives the ms to wait before more of them are read, mostly 0. */
  came(chunk: Uint8Array): number {
    const { length } = chunk
    this.activeMs = performance.now()
    this.#bytesIn += length
    this.tunnel.meter.bytes(this.endpoint?.id, length, 0)
    this.tunnel.served.surroundings.sums.came(length)
    this.capture?.requestBody(chunk)
    return this.tunnel.bandwidth.in.take(length)
  }

  /** Bytes of the service's; gives the ms to wait before more of them are read, mostly 0. */
  went(chunk: Uint8Array): number {
    const { length } = chunk
    this.activeMs = performance.now()
    this.#bytesOut += length
    this.tunnel.meter.bytes(this.endpoint?.id, 0, length)
    this.tunnel.served.surroundings.sums.went(length)
    this.capture?.responseBody(chunk)
    return this.tunnel.bandwidth.out.take(length)
  }

  /** Once. `status`: what the visitor has got. */
  over(outcome: string, status?: number): void {
    if (this.#over) return
    this.#over = true
    const { tunnel } = this
    const { budget, meter, balance, inspector, served } = tunnel
    const { sums } = served.surroundings
    this.slot?.[Symbol.dispose]()
    budget.ended(this.#retries?.length)
    sums.underWay--
    if (this.endpoint) {
      meter.ended(this.endpoint.id)
      if (outcome === 'visitor_left' && this.#firstByteMs === undefined) {
        balance.abandoned(this.endpoint.id)
      }
    }
    const isFailure = (status ?? 0) >= 500 || outcome === 'cut'
    if (this.wanted.kind !== 'tcp') {
      meter.request(this.endpoint?.id, isFailure, this.#firstByteMs)
      sums.requests++
      if (isFailure) sums.failures++
    }
    inspector.record(this.#decision(outcome, status), this.capture)
    this.#tellAgent(status)
  }

  #decision(outcome: string, status: number | undefined): Decision {
    const { wanted, caller, endpoint, link, slot, tunnel, grantId } = this
    const totalMs = performance.now() - this.startedMs
    const decision: Decision = {
      id: this.id,
      tunnelId: tunnel.served.spec.id,
      kind: wanted.kind,
      startedAtMs: this.#startedAtMs,
      endedAtMs: this.#startedAtMs + totalMs,
      visitor: caller.ip,
      relayId: tunnel.served.surroundings.relayId,
      queuedMs: slot?.queuedMs ?? 0,
      retries: this.#retries ?? NO_RETRIES,
      totalMs,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      outcome,
    }
    if (wanted.method !== undefined) decision.method = wanted.method
    if (wanted.host !== undefined) decision.host = wanted.host
    if (wanted.path !== undefined) decision.path = wanted.path
    if (endpoint) {
      decision.endpointId = endpoint.id
      decision.agent = endpoint.agent
    }
    if (link) decision.linkId = link.id
    if (grantId !== undefined) decision.grantId = grantId
    if (this.limit !== undefined) decision.limit = this.limit
    if (this.#breaker !== undefined) decision.breaker = this.#breaker
    if (this.#connectMs !== undefined) decision.connectMs = this.#connectMs
    if (this.#firstByteMs !== undefined) decision.firstByteMs = this.#firstByteMs
    if (status !== undefined) decision.status = status
    if (caller.forwardedBy !== undefined) decision.forwardedBy = caller.forwardedBy
    if (caller.replayOf !== undefined) decision.replayOf = caller.replayOf
    return decision
  }

  #tellAgent(status: number | undefined): void {
    const { wanted, link, tunnel } = this
    if (!link?.isOpen || wanted.method === undefined || status === undefined) return
    if (!link.mayTellRequest()) return
    link.tellRequest(tunnel.served.spec.id, {
      at: new Date(this.#startedAtMs).toISOString(),
      method: wanted.method,
      path: redactUrl(wanted.path ?? ''),
      status,
      durationMs: Math.round(performance.now() - this.startedMs),
      bytes: this.#bytesOut,
    })
  }
}
