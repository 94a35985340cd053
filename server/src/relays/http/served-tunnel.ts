import type { TunnelSpec } from '#tunnels/index.ts'
import { Balance, type EndpointHealth } from '../balance/balance.ts'
import { RetryBudget } from '../balance/retry-budget.ts'
import type { Peer } from '../control.ts'
import type { Admitted } from '../gate/admission.ts'
import type { Gate } from '../gate/gate.ts'
import { type HeaderEdits, headerEdits } from '../headers/edits.ts'
import { Inspector } from '../inspect/inspector.ts'
import { Bandwidth } from '../limits/bandwidth.ts'
import { Limits } from '../limits/limits.ts'
import type { Link } from '../links/link.ts'
import { TunnelLinks } from '../links/tunnel-links.ts'
import { Meter } from '../measure/meter.ts'
import { ServicePool } from './service-pool.ts'
import type { Surroundings } from './surroundings.ts'

/** Something that is under way: a request, a WebSocket, a connection. */
export interface UnderWay {
  /** By what it was let in; undefined for what no gate has seen. */
  readonly admitted: Admitted | undefined
  /** Of a session, by which grant it may come. */
  readonly grantId: string | undefined
  /** Ends what takes too long. Called once in a second. */
  look(nowMs: number): void
  /** Ends it at once. */
  cut(): void
}

/**
 * One tunnel as this relay knows it: what it is and who holds it open. What serves its visitors is made at its first traffic, and
 * dropped when nobody has come for a while, so that thousands that only stand there cost little.
 */
export class ServedTunnel {
  readonly links = new TunnelLinks()
  readonly surroundings: Surroundings
  readonly url: string
  /** Relays that had a link of it when it was looked for, and when that was. */
  peers: readonly Peer[] = []
  askedMs = 0
  #spec: TunnelSpec
  #active: ActiveTunnel | undefined
  /** As agents told it. */
  #health: Map<string, EndpointHealth> | undefined

  constructor(spec: TunnelSpec, url: string, surroundings: Surroundings) {
    this.#spec = spec
    this.url = url
    this.surroundings = surroundings
  }

  get spec(): TunnelSpec {
    return this.#spec
  }

  /** What serves its visitors; undefined while there are none. */
  get awake(): ActiveTunnel | undefined {
    return this.#active
  }

  get active(): ActiveTunnel {
    if (this.#active) return this.#active
    const active = new ActiveTunnel(this)
    for (const [id, health] of this.#health ?? []) active.balance.health(id, health)
    return (this.#active = active)
  }

  /** Takes a newer spec, also for what is under way. An older one changes nothing. Gives back the links that have lost the tunnel. */
  apply(spec: TunnelSpec): Link[] {
    if (spec.revision <= this.#spec.revision) return []
    this.#spec = spec
    this.#active?.apply(spec)
    const ids = new Set(spec.endpoints.map(({ id }) => id))
    for (const id of this.#health?.keys() ?? []) if (!ids.has(id)) this.#health?.delete(id)
    const lost = spec.started ? this.#fence() : this.links.clear()
    for (const link of lost) this.#active?.pool.leave(link)
    return lost
  }

  health(endpointId: string, health: EndpointHealth): void {
    if (!this.#spec.endpoints.some(({ id }) => id === endpointId)) return
    this.#health ??= new Map()
    this.#health.set(endpointId, health)
    this.#active?.balance.health(endpointId, health)
  }

  /** Ends what is under way, and keeps nothing. */
  end(): void {
    this.#active?.cutAll()
    this.sleep()
  }

  /** Drops what serves visitors. */
  sleep(): void {
    this.#active?.pool.closeAll()
    this.#active = undefined
  }

  #fence(): Link[] {
    return this.links.labels.flatMap((label) => {
      const epoch = this.#spec.holders[label]
      // A label that nobody holds any more has no epoch.
      return this.links.fence(label, epoch ?? Number.MAX_SAFE_INTEGER)
    })
  }
}

/** What decides on the visitors of one tunnel, and counts them. */
export class ActiveTunnel {
  readonly served: ServedTunnel
  readonly gate: Gate
  readonly limits: Limits
  readonly bandwidth: { readonly in: Bandwidth; readonly out: Bandwidth }
  readonly balance: Balance
  readonly budget: RetryBudget
  readonly meter: Meter
  readonly inspector: Inspector
  readonly pool: ServicePool
  readonly underWay = new Set<UnderWay>()
  requestEdits: HeaderEdits | undefined
  responseEdits: HeaderEdits | undefined
  /** When somebody came last. */
  usedMs = 0

  constructor(served: ServedTunnel) {
    const { spec, surroundings } = served
    const { clock, gates, meters, room, replayer } = surroundings
    this.served = served
    this.gate = gates.open(spec)
    this.limits = new Limits(clock, spec.config)
    this.bandwidth = { in: new Bandwidth(clock), out: new Bandwidth(clock) }
    this.balance = new Balance({ clock })
    this.budget = new RetryBudget(clock)
    this.meter = new Meter(meters, spec.id)
    this.inspector = new Inspector({ room, replayer })
    this.pool = new ServicePool(spec.id)
    this.#configure(spec)
  }

  /** Whether it can be dropped and made anew without anybody noticing. */
  isIdleSince(ms: number): boolean {
    if (this.usedMs > ms || this.underWay.size > 0 || !this.pool.isEmpty) return false
    return this.limits.inUse === 0 && this.inspector.isEmpty
  }

  apply(spec: TunnelSpec): void {
    this.gate.apply(spec)
    this.limits.apply(spec.config)
    this.#configure(spec)
    this.pool.keepOnly(spec.endpoints)
    if (spec.started) this.#cutRevoked(spec)
    else this.cutAll()
  }

  cutAll(): void {
    for (const one of this.underWay) one.cut()
  }

  look(nowMs: number): void {
    const timeMs = this.served.surroundings.clock.now().getTime()
    for (const one of this.underWay) {
      if ((one.admitted?.untilMs ?? Infinity) <= timeMs) one.cut()
      else one.look(nowMs)
    }
    this.pool.sweep(nowMs)
  }

  #configure({ config, endpoints }: TunnelSpec): void {
    this.balance.apply(endpoints)
    this.meter.apply(new Set(endpoints.map(({ id }) => id)))
    this.inspector.apply(config.inspector)
    this.bandwidth.in.apply(config.bandwidthBytesPerSecond)
    this.bandwidth.out.apply(config.bandwidthBytesPerSecond)
    this.requestEdits = headerEdits(config.requestHeaders)
    this.responseEdits = headerEdits(config.responseHeaders)
  }

  #cutRevoked({ access }: TunnelSpec): void {
    const grants = new Set(access.grants.map(({ id }) => id))
    for (const one of this.underWay) {
      const stays = one.admitted ? this.gate.stillAdmits(one.admitted) : true
      if (!stays || (one.grantId !== undefined && !grants.has(one.grantId))) one.cut()
    }
  }
}
