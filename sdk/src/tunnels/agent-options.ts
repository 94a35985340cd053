import type { TunnelOptions } from './enrol.ts'
import type { EndpointHealth } from './health-check.ts'
import type { OpenTunnel } from './held-tunnels.ts'
import type { RequestLine } from './link-protocol.ts'
import type { Environment } from './proxy.ts'

export interface AgentOptions {
  tunnels: readonly TunnelOptions[]
  /** The newest agent with a label holds a tunnel; give each its own to have several at once. `default` unless given. */
  label?: string
  /** Links to as many different relays, 1 to 4; 2 unless given. */
  links?: number
  /** Takes any certificate of a local https service. */
  insecure?: boolean
  /** What to do when every tunnel was lost to another agent, stopped or deleted: `end` unless given. */
  whenLost?: 'end' | 'wait'
  /** Ends when no relay can be reached, in place of trying for ever. */
  exitOnFailure?: boolean
  /** Ends the agent in order. */
  signal?: AbortSignal
  /** Where `HTTPS_PROXY` and `NO_PROXY` are read; that of the process unless given. */
  env?: Environment
  /** Certificates of relays to trust in place of the system's, as PEM. */
  ca?: string
}

export interface LinkState {
  readonly relayId: string
  readonly status: 'open' | 'draining'
  /** Of the last PING, in ms. */
  readonly roundTripMs: number | undefined
  /** Connections to local services that it carries now. */
  readonly streams: number
}

export interface AgentEvents {
  /** Tunnels have an address, or another one. */
  tunnels: [tunnels: readonly OpenTunnel[]]
  link: [change: { relayId: string; status: 'open' | 'draining' | 'closed'; why?: string }]
  /** A visitor was answered. At most 20 a second and tunnel; `more` counts those left out since. */
  request: [request: RequestLine & { tunnel: string; more: number }]
  health: [health: EndpointHealth]
  lost: [tunnel: { tunnel: string; code: string; detail: string; waits: boolean }]
  /** An endpoint names an address that this agent was not told to serve. */
  unserved: [endpoint: { tunnel: string; address: string }]
  /** A visitor came and the service took no connection; at most once in 10 s for each. */
  unreached: [service: { address: string; message: string }]
  /** Something failed and is tried again. */
  retry: [attempt: { message: string; nextMs: number }]
  /** The machine slept or its network changed: links are asked at once whether they stand. */
  wake: [change: { what: 'slept' | 'network' }]
}
