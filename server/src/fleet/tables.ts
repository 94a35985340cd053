import type { Generated, Selectable } from 'kysely'
import type { Json } from '#kernel/tables.ts'
import type { Health, ProviderName } from './providers/provider.ts'
import type { DrainReason, InstanceState } from './states.ts'

/** One row per machine, kept after its end. Made by `migrations/0007_fleet.sql`, as are the others. */
export interface FleetInstanceTable {
  id: string
  provider: ProviderName
  /** Null until the provider has made the machine. */
  providerId: string | null
  /** The machine of a control plane itself. */
  builtin: Generated<boolean>
  /** Whether the fleet has launched it and may end it; others have joined by themselves. */
  managed: Generated<boolean>
  /** `pool`: the pool launches and ends it. `manual`: people do. */
  purpose: Purpose
  status: InstanceState
  region: string | null
  instanceType: string | null
  spot: Generated<boolean>
  tags: Json<Record<string, string>>
  publicDnsName: string | null
  publicIpAddress: string | null
  privateIpAddress: string | null
  providerHealth: Health | null
  errorMessage: string | null
  assignedToUserId: string | null
  assignedToAccountId: string | null
  terminateAfterIdleMinutes: number | null
  createdAt: Date
  launchedAt: Date | null
  restartedAt: Date | null
  /** Since when the provider no longer lists it. */
  missingSince: Date | null
  /** When a session was last open on it. */
  lastActivityAt: Date
  failedAt: Date | null
  endedAt: Date | null
}

/** The node process of a machine, as its last beat told it. */
export interface FleetNodeTable {
  id: string
  instanceId: string
  /** Null for the machine of a control plane: it is in the same process. */
  url: string | null
  fingerprint: string | null
  credentialHash: Buffer | null
  /** Rises with every join. */
  epoch: Generated<number>
  /** Of the last beat. Text, since a Postgres `bigint` can exceed a safe number. */
  sequence: Generated<string>
  capacity: number
  sessions: number
  version: string
  /** What the node says of itself. */
  isDraining: Generated<boolean>
  /** Since when it says so without a break; begins anew when it was let back. */
  drainingSince: Date | null
  drainReason: DrainReason | null
  /** It has too little disk for another session. Made by `migrations/0025_full_disks.sql`. */
  isDiskFull: Generated<boolean>
  joinedAt: Date
  lastBeatAt: Date
  /** Since when nobody hears of it. */
  goneAt: Date | null
  /** When it said that it goes; null for one that was silent. Made by `migrations/0008_presence.sql`. */
  leftAt: Date | null
}

export interface FleetJoinTokenTable {
  id: string
  tokenHash: Buffer
  name: string
  multiUse: boolean
  instanceId: string | null
  usedByFingerprint: string | null
  usedAt: Date | null
  createdAt: Date
  expiresAt: Date
}

/** One row. */
export interface FleetPoolTable {
  singleton: Generated<boolean>
  version: Generated<number>
  /** As it was last written; members that it lacks have their defaults. */
  settings: Json<unknown>
  updatedBy: string | null
  updatedAt: Generated<Date>
  lastScaleOutAt: Date | null
  lastScaleInAt: Date | null
}

/** `pool`: the pool launches and ends it. `manual`: people do. `relay`: it carries tunnels, and relays are ended by their own rules. */
export type Purpose = 'pool' | 'manual' | 'relay'
export type InstanceRow = Selectable<FleetInstanceTable>
export type NodeRow = Selectable<FleetNodeTable>
export type JoinTokenRow = Selectable<FleetJoinTokenTable>
export type PoolRow = Selectable<FleetPoolTable>

declare module '#kernel/db.ts' {
  interface Tables {
    fleetInstances: FleetInstanceTable
    fleetNodes: FleetNodeTable
    fleetJoinTokens: FleetJoinTokenTable
    fleetPool: FleetPoolTable
  }
}
