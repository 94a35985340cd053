import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import type { TrustedKeys } from '#kernel/service-token.ts'
import type { NewId } from '#kernel/ids.ts'
import type { News, RelayConfig, RelayControl } from './control.ts'
import type { LoggedLine } from './peers/calls.ts'
import type { Forward } from './peers/visit.ts'

export interface RelayOptions {
  /** `rel_…`; told to agents. */
  id: string
  control: RelayControl
  /** Below which every name is a tunnel's: `localhost`, `tunnels.example.com`. Lower case, without a port. */
  domain: string
  /** Names that are the product's own, so that no tunnel is looked for under them. In lower case, without a port. */
  isOwnHost(hostname: string): boolean
  trustedProxies: readonly string[]
  /** Address on which the ports of TCP tunnels are opened. */
  host: string
  /** File of what was counted and not yet taken; of this process alone. */
  journalPath: string
  /** The control plane's, by which visitors who have signed in are known. */
  keys(): TrustedKeys
  /** Serves visitors of tunnels that this relay has no link of; without it they are told that no agent is connected. */
  forward?: Forward
  /** Told of every news, such as of peers. */
  onNews?: (news: News) => void
  /** The last lines of its own log. */
  logs?: (limit: number) => readonly LoggedLine[]
  /** What one address may have open at once, over all tunnels; 2,000 connections unless given. */
  perAddress?: { maxConnections: number }
  config: RelayConfig
  clock: Clock
  newId: NewId
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
  /** Of 99 % of the turns since the facts were asked for last, in ms. */
  eventLoopDelayMs: number
  /** Of one core, since the facts were asked for last. */
  cpu: number
}
