import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import type { TunnelSpec } from '#tunnels/index.ts'
import type { RelayConfig, RelayControl } from './control.ts'
import type { ServedParts } from './http/served-parts.ts'
import type { Forward } from './peers/visit.ts'

export interface RelayOptions {
  /** `rel_…`; told to agents. */
  id: string
  control: RelayControl
  /** Below which every name is a tunnel's: `localhost`, `tunnels.example.com`. Lower case, without a port. */
  domain: string
  /** Names that are the product's own, so that no tunnel is looked for under them. */
  isOwnHost(hostname: string): boolean
  trustedProxies: readonly string[]
  /** Address on which the ports of TCP tunnels are opened. */
  host: string
  /** Makes what decides on the visitors of one tunnel; called at its first traffic. */
  partsOf(spec: TunnelSpec): ServedParts
  /** Serves visitors of tunnels that this relay has no link of; without it they are told that no agent is connected. */
  forward?: Forward
  config: RelayConfig
  clock: Clock
  log: Logger
  /** How soon what is not in use is dropped; a minute unless given. */
  idleAfterMs?: number
}

/** What a relay tells of itself: what it holds now, and sums since it was opened. */
export interface RelayFacts {
  draining: boolean
  links: number
  /** Tunnels that it has a link of. */
  tunnels: number
  /** Requests, WebSockets and TCP connections that are under way. */
  streams: number
  requests: number
  /** Of `requests`: answered with 5xx, or not at all. */
  failures: number
  bytesIn: number
  bytesOut: number
  /** Longest of the last second, in ms. */
  eventLoopDelayMs: number
  /** Of one core, of the last seconds: 0 to 1 and above. */
  cpu: number
}
