import type { LatencyBounds, PortReport, TunnelSpec, UsageEntry } from '#tunnels/index.ts'

export type { PortReport, UsageEntry } from '#tunnels/index.ts'

/**
 * What a relay asks of the control plane: by direct calls beside the API, by HTTPS from a relay of its own. A relay has no database
 * and no key: whatever it knows it was told here.
 */
export interface RelayControl {
  /** Takes a link into the books. @throws Problem that says why the agent may not have it */
  openLink(link: NewLink): Promise<OpenedLink>
  /** A link has ended; told again until it is taken. */
  closeLink(linkId: string): Promise<void>
  /** Which tunnel has a hostname or a port, and which relays have a link of it. */
  find(
    wanted: { hostname: string } | { port: number } | { tunnelId: string },
  ): Promise<Found | undefined>
  /**
   * Waits until there is news after `after`, 20 s at most. News of tunnels: the specs of those that were changed or deleted among
   * `tunnelIds` (asked in chunks for many), whole and in any order; of peers: all that there are.
   */
  watch(asked: {
    after: string | undefined
    tunnelIds: readonly string[]
    signal: AbortSignal
  }): Promise<News>
  /** Health of endpoints as agents tell it. */
  reportHealth(reports: readonly HealthReport[]): Promise<void>
  /** Ports of tunnels that this relay has links of: those that it cannot open, and those that it has after all. */
  reportPorts(reports: readonly PortReport[]): Promise<void>
  /**
   * Takes counts; the same entry twice is taken once, also when another relay sends it again: a journal has one name among all relays
   * for ever, and what a relay left on a disk is sent by the next one there. Returns the highest sequence that is taken for good.
   */
  reportUsage(journal: string, entries: readonly UsageEntry[]): Promise<{ upTo: number }>
}

export interface NewLink {
  linkId: string
  /** As the agent has shown it: a service token whose audience is `relay` and whose subject is the run. */
  ticket: string
  agentVersion: string
  ipAddress: string
}

export interface OpenedLink {
  runId: string
  label: string
  tunnels: readonly { spec: TunnelSpec; epoch: number; url: string }[]
  /** Of the run, but not this link's: by the code of a problem. */
  refused: readonly { tunnelId: string; code: string; detail: string }[]
}

export interface Found {
  spec: TunnelSpec
  url: string
  relays: readonly Peer[]
}

/** Another relay, as one relay reaches it. */
export interface Peer {
  relayId: string
  internalUrl: string
  /** SHA-256 of its certificate, `AB:CD:…`. */
  fingerprint: string
}

export interface News {
  after: string
  specs: readonly TunnelSpec[]
  /** Deleted. */
  gone: readonly string[]
  peers: readonly Peer[]
  /** Relays that agents may dial, each by a name that is another one once it has begun anew; an older control plane does not tell. */
  dialable?: readonly string[]
  /** Of all TCP tunnels: every relay serves each of them. */
  ports: readonly number[]
  /** What this relay shows to its peers: a service token whose audience is `relay-peer`. */
  peerToken: string
  drain: boolean
  config: RelayConfig
}

/** What an operator sets for one relay. */
export interface RelayConfig {
  maxConnections: number
  maxLinks: number
}

export interface HealthReport {
  endpointId: string
  tunnelId: string
  status: 'healthy' | 'unhealthy'
  message?: string
  at: string
}

/** Those that usage is counted by; the same as the control plane's. */
export const LATENCY_BOUNDS_MS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1_000, 2_000, 5_000, 10_000, 30_000],
] as const satisfies LatencyBounds
