import type { Generated, Selectable } from 'kysely'
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
  /** Whether agents may hold it open, as far as its account goes: see `mayServe`. */
  started: boolean
  /** While the operator keeps it from serving. Made by `migrations/0027_tunnel_suspensions.sql`, as is the reason. */
  suspendedAt: Generated<Date | null>
  suspendedReason: Generated<string | null>
  config: Json<TunnelConfig>
  access: Json<Omit<AccessSpec, 'grants' | 'cookieKey' | 'visitUrl'>>
  /** Of the newest run that has taken it, under whatever label. */
  lastEpoch: Generated<number>
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
  /** The person who it works for, also by a key. */
  userId: string
  /** By which credential it was started: one of the two. */
  keyId: string | null
  signInId: string | null
  label: string
  version: string
  host: string | null
  ipAddress: string | null
  /** What it was started for, also what it does not hold any more. */
  tunnelIds: string[]
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
  /** Why its relay cannot open the port of the tunnel. */
  portError: Generated<string | null>
}

/** What was taken of a journal, whichever relay has sent it. Made by `migrations/0022_usage.sql`, as are the others. */
export interface TunnelUsageJournalTable {
  /** Random: no other journal ever has it. */
  journal: string
  /** Text of an `int8multirange`. */
  taken: Generated<string>
  lastAt: Date
}

/** Counts of a tunnel by an endpoint within a span of time; numbers as text of a `bigint`. */
export interface TunnelUsageTable {
  tunnelId: string
  span: 'minute' | 'hour' | 'day'
  at: Date
  /** Empty for what never reached one, and for one that is gone. */
  endpointId: string
  requests: string
  failures: string
  connections: string
  bytesIn: string
  bytesOut: string
  latency: string[]
}

/** Totals of a month, kept longer than the tunnel. */
export interface TunnelUsagePeriodTable {
  accountId: string
  /** `2026-11` */
  period: string
  tunnelId: string
  tier: string
  requests: string
  failures: string
  connections: string
  bytesIn: string
  bytesOut: string
}

export interface TunnelQuotaTable {
  accountId: string
  period: string
  bytes: Generated<string>
  blocked: Generated<boolean>
  warnedAt: Date | null
  exceededAt: Date | null
}

/** What lets somebody visit, see or manage a tunnel. Deleted when it is revoked. */
export interface TunnelShareTable {
  id: string
  tunnelId: string
  kind: 'user' | 'account' | 'token' | 'link'
  /** Of the kind `user`, one of the two: somebody, or whoever proves this address. */
  userId: string | null
  email: string | null
  emailKey: string | null
  /** Of the kind `account`. */
  granteeAccountId: string | null
  permission: 'use' | 'read' | 'manage'
  /** What its owner calls it. */
  label: string | null
  /** SHA-256 of what is shown, of the kinds `token` and `link`. */
  secretHash: Buffer | null
  expiresAt: Date | null
  /** A user's or a key's id. */
  createdBy: string
  createdAt: Date
}

/** A domain of a customer's own, claimed for a tunnel; the one that is proven has it. */
export interface TunnelDomainTable {
  id: string
  tunnelId: string
  accountId: string
  hostname: string
  /** What its TXT record must hold. */
  proof: string
  verifiedAt: Date | null
  checkedAt: Date | null
  /** When it was last found proven; once that is too long ago it is not served any more. */
  provenAt: Date | null
  lastError: string | null
  /** Of a claim that is not proven. */
  expiresAt: Date | null
  createdAt: Date
}

export type TunnelRow = Selectable<TunnelTable>
export type TunnelEndpointRow = Selectable<TunnelEndpointTable>
export type AgentRunRow = Selectable<TunnelAgentRunTable>
export type TunnelShareRow = Selectable<TunnelShareTable>
export type TunnelDomainRow = Selectable<TunnelDomainTable>

declare module '#kernel/db.ts' {
  interface Tables {
    tunnelNames: TunnelNameTable
    tunnels: TunnelTable
    tunnelEndpoints: TunnelEndpointTable
    tunnelAgentRuns: TunnelAgentRunTable
    tunnelHolders: TunnelHolderTable
    tunnelLinks: TunnelLinkTable
    tunnelUsageJournals: TunnelUsageJournalTable
    tunnelUsage: TunnelUsageTable
    tunnelUsagePeriods: TunnelUsagePeriodTable
    tunnelQuotas: TunnelQuotaTable
    tunnelShares: TunnelShareTable
    tunnelDomains: TunnelDomainTable
  }
}
