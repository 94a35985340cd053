import type { EndpointSpec } from '#tunnels/index.ts'
import type { Link } from '../links/link.ts'
import { ServiceConnection } from './service-connection.ts'

/** A service that does not say how long it keeps a connection is taken to do so for 5 s, as Node's servers do. */
const KEPT_SECONDS = 5
/** So much before a service hangs up, its connection is not used any more. */
const MARGIN_MS = 1_000
const LONGEST_MS = 60_000
/** Of one endpoint; those above it are closed after their answer. */
const MOST_IDLE = 256

/** The connections to the services of one tunnel that wait for the next request. */
export class ServicePool {
  readonly #tunnelId: string
  /** By endpoint, those that were used last at the end. */
  readonly #idle = new Map<string, ServiceConnection[]>()

  constructor(tunnelId: string) {
    this.#tunnelId = tunnelId
  }

  get isEmpty(): boolean {
    return this.#idle.size === 0
  }

  /** A connection that was used before, or a new one over `link`. @throws LinkLost */
  take(endpoint: EndpointSpec, link: Link, visitorIp: string): ServiceConnection {
    const idle = this.#idle.get(endpoint.id)
    for (let one = idle?.pop(); one; one = idle?.pop()) {
      if (one.isUsable && one.idleUntilMs > performance.now()) return one
      one.destroy()
    }
    return this.fresh(endpoint, link, visitorIp)
  }

  /** @throws LinkLost */
  fresh(endpoint: EndpointSpec, link: Link, visitorIp: string): ServiceConnection {
    const stream = link.connect(this.#tunnelId, endpoint, visitorIp)
    return new ServiceConnection(link, endpoint, stream, this.#keep)
  }

  /** Closes those that have waited for too long, or whose link takes nothing new. */
  sweep(nowMs: number): void {
    this.#close((one) => !one.isUsable || one.idleUntilMs <= nowMs)
  }

  /** Closes those on a link. */
  leave(link: Link): void {
    this.#close((one) => one.link === link)
  }

  /** Closes those to addresses that the tunnel does not lead to any more. */
  keepOnly(endpoints: readonly EndpointSpec[]): void {
    const urls = new Map(endpoints.map(({ id, url }) => [id, url]))
    this.#close(({ endpoint }) => urls.get(endpoint.id) !== endpoint.url)
  }

  closeAll(): void {
    this.#close(() => true)
  }

  readonly #keep = (one: ServiceConnection): void => {
    const idle = this.#idle.get(one.endpoint.id) ?? []
    if (idle.length >= MOST_IDLE) return one.destroy()
    const keptMs = (one.keepAliveSeconds ?? KEPT_SECONDS) * 1000 - MARGIN_MS
    one.idleSinceMs = performance.now()
    one.idleUntilMs = one.idleSinceMs + Math.min(keptMs, LONGEST_MS)
    idle.push(one)
    this.#idle.set(one.endpoint.id, idle)
  }

  #close(isOver: (one: ServiceConnection) => boolean): void {
    for (const [id, idle] of this.#idle) {
      const kept: ServiceConnection[] = []
      for (const one of idle) {
        if (isOver(one)) one.destroy()
        else kept.push(one)
      }
      if (kept.length > 0) this.#idle.set(id, kept)
      else this.#idle.delete(id)
    }
  }
}
