import type { Selectable } from 'kysely'
import type { Json } from '#kernel/tables.ts'
import type { AccessSpec, EndpointSpec, HealthCheck, TunnelConfig } from './spec.ts'
import type { TunnelState } from './states.ts'

/** Who a name belongs to, for ever. Made by `migrations/0021_tunnels.sql`, as are the others. */
export interface TunnelNameTable {
  name: string
  accountId: string
  takenAt: Date
}

/** One row per tunnel, kept after its deletion. */
export interface TunnelTable {
  id: string
  accountId: string
  createdByUserId: string | null
  name: string
  kind: 'http' | 'tcp'
  /** Of a TCP tunnel, on every relay. */
  port: number | null
  status: TunnelState
  statusSince: Date
  errorMessage: string | null
  /** Whether agents may hold it open. */
  started: boolean
  config: Json<TunnelConfig>
  access: Json<Omit<AccessSpec, 'grants' | 'cookieKey' | 'visitUrl'>>
  /** As text of a `bigint`. */
  revision: string
  createdAt: Date
  updatedAt: Date
  deletedAt: Date | null
}

export interface TunnelEndpointTable extends Omit<EndpointSpec, 'healthCheck'> {
  tunnelId: string
  healthCheck: Json<HealthCheck> | null
  healthStatus: 'healthy' | 'unhealthy' | 'unknown'
  healthMessage: string | null
  lastHealthCheck: Date | null
  createdAt: Date
  updatedAt: Date
}

/** One run of an agent, from its first call until it is replaced or gone. */
export interface TunnelAgentRunTable {
  id: string
  accountId: string
  /** `user:…` or `key:…`. */
  startedBy: string
  label: string
  version: string
  host: string | null
  ipAddress: string | null
  startedAt: Date
  lastSeenAt: Date
  endedAt: Date | null
}

/** Which run holds a tunnel under a label: the newest, whose epoch fences the earlier ones. */
export interface TunnelHolderTable {
  tunnelId: string
  agent: string
  runId: string
  epoch: number
  heldSince: Date
}

/** A link of an agent to a relay, for each tunnel that it carries. */
export interface TunnelLinkTable {
  linkId: string
  tunnelId: string
  agent: string
  epoch: number
  runId: string
  relayId: string
  relayEpoch: number
  openedAt: Date
}

export type TunnelRow = Selectable<TunnelTable>
export type TunnelEndpointRow = Selectable<TunnelEndpointTable>

declare module '#kernel/db.ts' {
  interface Tables {
    tunnelNames: TunnelNameTable
    tunnels: TunnelTable
    tunnelEndpoints: TunnelEndpointTable
    tunnelAgentRuns: TunnelAgentRunTable
    tunnelHolders: TunnelHolderTable
    tunnelLinks: TunnelLinkTable
  }
}
