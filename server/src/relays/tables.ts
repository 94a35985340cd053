import type { Generated, Selectable } from 'kysely'
import type { Json } from '#kernel/tables.ts'
import type { DrainReason, RelayProvider, RelayState } from './states.ts'

/** One row per relay, kept after its end. Made by `migrations/0021_tunnels.sql`, as it is kept by `0023_relays.sql`. */
export interface RelayTable {
  id: string
  name: string
  /** `builtin`: of the control plane's own process. `joined`: came by itself, with a join token. */
  provider: RelayProvider
  /** The machine of the fleet that it was started on. */
  instanceId: string | null
  status: RelayState
  statusSince: Date
  errorMessage: string | null
  url: string | null
  internalUrl: string | null
  fingerprint: string | null
  credentialHash: Buffer | null
  /** Rises with every join. */
  epoch: Generated<number>
  /** Of the last beat, as text of a `bigint`; only a higher one counts. */
  sequence: Generated<string>
  /** Of changes of tunnels, as text of a `bigint`. Made by `migrations/0028_relays_heard.sql`. */
  heardRevision: Generated<string>
  version: string | null
  config: Json<object>
  /** As the last beat told them; see `BeatFacts`. */
  facts: Json<object>
  startedAt: Date | null
  joinedAt: Date | null
  lastBeatAt: Date | null
  /** Since when nobody hears of it. */
  goneAt: Date | null
  drainReason: DrainReason | null
  drainUntil: Date | null
  createdAt: Date
  endedAt: Date | null
}

/** One row. */
export interface RelaySettingsTable {
  singleton: Generated<boolean>
  version: Generated<number>
  /** As they were last written; members that they lack have their defaults. */
  scaling: Json<unknown>
  redundancy: Json<unknown>
  updatedBy: string | null
  updatedAt: Generated<Date>
  lastScaleOutAt: Date | null
  lastScaleInAt: Date | null
}

/** What a relay has told in a minute: sums of that minute, and the highest of what it held. Sums as text of a `bigint`. */
export interface RelayMinuteTable {
  relayId: string
  minute: Date
  cpu: number
  eventLoopDelayMs: number
  memoryMib: number
  links: number
  tunnels: number
  streams: number
  requests: string
  failures: string
  bytesIn: string
  bytesOut: string
}

/** The last lines of a relay's log, without secrets. */
export interface RelayLogLineTable {
  relayId: string
  /** Text of a `bigint`. */
  sequence: string
  at: Date
  level: 'debug' | 'info' | 'warn' | 'error'
  message: string
  fields: Json<Record<string, unknown>>
}

export type RelayRow = Selectable<RelayTable>

declare module '#kernel/db.ts' {
  interface Tables {
    relays: RelayTable
    relaySettings: RelaySettingsTable
    relayMinutes: RelayMinuteTable
    relayLogLines: RelayLogLineTable
  }
}
