import { spell } from './address.ts'
import type { KnownTunnel, ServedTunnel } from './control-plane.ts'
import { addressOf, type WantedTunnel } from './enrol.ts'
import { readHealthCheck } from './health-check.ts'
import type { CheckedEndpoint } from './health.ts'
import { TunnelLost } from './problems.ts'
import { Reach } from './reach.ts'

/** Why a tunnel was lost that comes back by itself once it may be held again. */
const MAY_COME_BACK: ReadonlySet<string | undefined> = new Set([
  'tunnel.stopped',
  'tunnel.suspended',
])

export interface OpenTunnel {
  readonly id: string
  readonly name: string
  /** Where visitors reach it. */
  readonly url: string
  /** The service, as its endpoint has it. */
  readonly target: string
}

interface Held {
  wanted: WantedTunnel
  shown: OpenTunnel
  lost: TunnelLost | undefined
  endpoints: ServedTunnel['endpoints']
}

/** The tunnels of one agent: which it holds, which it has lost, and where they may lead. */
export class HeldTunnels {
  readonly reach = new Reach()
  readonly #tunnels = new Map<string, Held>()
  readonly #warned = new Set<string>()

  add({ id, name, url }: KnownTunnel, wanted: WantedTunnel): void {
    const shown = { id, name, url, target: wanted.target.url }
    this.#tunnels.set(id, { wanted, shown, lost: undefined, endpoints: [] })
    this.reach.allow(id, wanted.reach)
  }

  get shown(): OpenTunnel[] {
    return [...this.#tunnels.values()].map(({ shown }) => shown)
  }

  get held(): string[] {
    return this.#ids((one) => !one.lost)
  }

  get lost(): string[] {
    return this.#ids((one) => one.lost !== undefined)
  }

  nameOf(id: string): string {
    return this.#tunnels.get(id)?.shown.name ?? id
  }

  /** Undefined when it was none of ours, or lost before. */
  lose(id: string, code: string, detail: string): TunnelLost | undefined {
    const tunnel = this.#tunnels.get(id)
    if (!tunnel || tunnel.lost) return undefined
    tunnel.lost = new TunnelLost(tunnel.shown.name, code, detail)
    tunnel.endpoints = []
    this.reach.forget(id)
    return tunnel.lost
  }

  regain(id: string): void {
    const tunnel = this.#tunnels.get(id)
    if (!tunnel) return
    tunnel.lost = undefined
    this.reach.allow(id, tunnel.wanted.reach)
  }

  /** What the relay says of them; returns whether an address is new. */
  take(tunnels: readonly ServedTunnel[]): boolean {
    let isNew = false
    for (const { id, name, url, endpoints } of tunnels) {
      const tunnel = this.#tunnels.get(id)
      if (!tunnel) continue
      // One that may be held again comes back by itself; one that was taken does not.
      if (MAY_COME_BACK.has(tunnel.lost?.code)) this.regain(id)
      if (tunnel.lost) continue
      isNew ||= url !== tunnel.shown.url || name !== tunnel.shown.name
      tunnel.shown = { ...tunnel.shown, name, url }
      tunnel.endpoints = endpoints
    }
    return isNew
  }

  /** Endpoints to be asked for their health, of the tunnels that it holds. */
  checked(insecure: boolean): CheckedEndpoint[] {
    return this.#endpoints().flatMap(({ tunnelId, id, url, healthCheck }) => {
      const check = readHealthCheck(healthCheck)
      if (!check) return []
      const address = this.reach.find(tunnelId, spell(addressOf(url)))
      const secure = url.startsWith('https:')
      return { id, check, service: address && { ...address, secure, insecure } }
    })
  }

  /** Endpoints that name an address which this agent was not told to serve; each is told once. */
  unserved(): { tunnel: string; address: string }[] {
    return this.#endpoints().flatMap(({ tunnelId, id, url }) => {
      const address = spell(addressOf(url))
      if (this.#warned.has(id) || this.reach.find(tunnelId, address)) return []
      this.#warned.add(id)
      return { tunnel: this.nameOf(tunnelId), address }
    })
  }

  #endpoints() {
    return [...this.#tunnels.values()].flatMap(({ shown, endpoints }) =>
      endpoints.map((endpoint) => ({ ...endpoint, tunnelId: shown.id })),
    )
  }

  #ids(filter: (held: Held) => boolean): string[] {
    return [...this.#tunnels.values()].filter(filter).map(({ shown }) => shown.id)
  }
}
