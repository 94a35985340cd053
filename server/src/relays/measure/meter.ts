import type { UsageEntry } from '../control.ts'
import { Counts } from './counts.ts'
import { quantile } from './histogram.ts'
import type { Meters } from './meters.ts'

/** A stretch of time of which figures are kept, and how many of them make the last minute. */
const SLOT_MS = 5_000
const SLOTS = 12

/** Counts without a place in a journal yet. */
export type Usage = Omit<UsageEntry, 'sequence'>

/** How it goes, over the last minute. Times are to the first byte of the answer; undefined without any. */
export interface Figures {
  inFlight: number
  requestsPerSecond: number
  failuresPerSecond: number
  connectionsPerSecond: number
  bytesInPerSecond: number
  bytesOutPerSecond: number
  p50Ms?: number
  p95Ms?: number
  p99Ms?: number
}

export interface TunnelFigures extends Figures {
  endpoints: (Figures & { endpointId?: string })[]
}

/** What passes through one endpoint of a tunnel, or came to none. */
class EndpointMeter {
  readonly endpointId: string | undefined
  readonly fresh = new Counts()
  inFlight = 0
  /** Of the last minute; a slot is used again when its time has come again. */
  readonly #slots: ({ number: number; counts: Counts } | undefined)[] = []

  constructor(endpointId: string | undefined) {
    this.endpointId = endpointId
  }

  take(nowMs: number): Counts | undefined {
    if (this.fresh.isEmpty) return undefined
    const taken = new Counts()
    taken.add(this.fresh)
    this.fresh.clear()
    this.#slotAt(nowMs).add(taken)
    return taken
  }

  lastMinute(nowMs: number): Counts {
    const all = new Counts()
    all.add(this.fresh)
    const oldest = Math.floor(nowMs / SLOT_MS) - SLOTS
    for (const slot of this.#slots) if (slot && slot.number > oldest) all.add(slot.counts)
    return all
  }

  #slotAt(nowMs: number): Counts {
    const number = Math.floor(nowMs / SLOT_MS)
    const slot = (this.#slots[number % SLOTS] ??= { number, counts: new Counts() })
    if (slot.number !== number) {
      slot.counts.clear()
      slot.number = number
    }
    return slot.counts
  }
}

/**
 * Counts what passes through one tunnel. The counting itself is a few additions: what takes longer is done once a second, for the
 * tunnels of which something was counted.
 */
export class Meter {
  readonly #meters: Meters
  readonly #tunnelId: string
  readonly #endpoints = new Map<string | undefined, EndpointMeter>()
  #changed = false

  constructor(meters: Meters, tunnelId: string) {
    this.#meters = meters
    this.#tunnelId = tunnelId
  }

  /** Something is under way until `ended`. */
  began(endpointId?: string): void {
    this.#of(endpointId).inFlight++
  }

  ended(endpointId?: string): void {
    this.#of(endpointId).inFlight--
  }

  /**
   * Once for each request, and for a WebSocket as one: `failed` when it was answered with 5xx or not at all. `firstByteMs` unless
   * nothing came.
   */
  request(endpointId: string | undefined, failed: boolean, firstByteMs?: number): void {
    this.#counts(endpointId).answered(failed, firstByteMs)
  }

  /** A WebSocket or a TCP connection has begun. */
  connection(endpointId: string | undefined): void {
    this.#counts(endpointId).connections++
  }

  /** As they pass, not at the end: what lasts for days is counted while it lasts. */
  bytes(endpointId: string | undefined, bytesIn: number, bytesOut: number): void {
    const counts = this.#counts(endpointId)
    counts.bytesIn += bytesIn
    counts.bytesOut += bytesOut
  }

  figures(): TunnelFigures {
    const nowMs = this.#meters.nowMs
    const sum = new Counts()
    let inFlight = 0
    const endpoints = this.#endpoints.values().map((endpoint) => {
      const counts = endpoint.lastMinute(nowMs)
      sum.add(counts)
      inFlight += endpoint.inFlight
      const { endpointId } = endpoint
      return { ...(endpointId !== undefined && { endpointId }), ...show(counts, endpoint.inFlight) }
    })
    const each = [...endpoints]
    return { ...show(sum, inFlight), endpoints: each }
  }

  /** Forgets endpoints that the tunnel has no more. */
  apply(endpointIds: ReadonlySet<string>): void {
    for (const [id, { fresh, inFlight }] of this.#endpoints) {
      const isGone = id !== undefined && !endpointIds.has(id)
      if (isGone && fresh.isEmpty && inFlight === 0) this.#endpoints.delete(id)
    }
  }

  /** @internal What was counted since it was taken last. */
  take(minute: string, nowMs: number): Usage[] {
    this.#changed = false
    const taken: Usage[] = []
    for (const [endpointId, endpoint] of this.#endpoints) {
      const counts = endpoint.take(nowMs)
      const where = { tunnelId: this.#tunnelId, ...(endpointId !== undefined && { endpointId }) }
      if (counts) taken.push({ ...where, minute, ...counts })
    }
    return taken
  }

  #counts(endpointId: string | undefined): Counts {
    if (!this.#changed) {
      this.#changed = true
      this.#meters.changed(this)
    }
    return this.#of(endpointId).fresh
  }

  #of(endpointId: string | undefined): EndpointMeter {
    let endpoint = this.#endpoints.get(endpointId)
    if (!endpoint) this.#endpoints.set(endpointId, (endpoint = new EndpointMeter(endpointId)))
    return endpoint
  }
}

function show(counts: Counts, inFlight: number): Figures {
  const seconds = (SLOT_MS * SLOTS) / 1000
  const [p50Ms, p95Ms, p99Ms] = [0.5, 0.95, 0.99].map((share) => quantile(counts.latency, share))
  return {
    inFlight,
    requestsPerSecond: counts.requests / seconds,
    failuresPerSecond: counts.failures / seconds,
    connectionsPerSecond: counts.connections / seconds,
    bytesInPerSecond: counts.bytesIn / seconds,
    bytesOutPerSecond: counts.bytesOut / seconds,
    ...(p50Ms !== undefined && { p50Ms, p95Ms, p99Ms }),
  }
}
