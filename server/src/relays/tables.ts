import type { Generated, Selectable } from 'kysely'
import type { Json } from '#kernel/tables.ts'

/** One row per relay, kept after its end. Made by `migrations/0021_tunnels.sql`. */
export interface RelayTable {
  id: string
  name: string
  /** `builtin`: of the control plane's own process. `joined`: came by itself, with a join token. */
  provider: 'builtin' | 'local' | 'ec2' | 'kubernetes' | 'joined'
  instanceId: string | null
  status: 'starting' | 'running' | 'draining' | 'stopped' | 'error'
  statusSince: Date
  errorMessage: string | null
  url: string | null
  internalUrl: string | null
  fingerprint: string | null
  credentialHash: Buffer | null
  epoch: Generated<number>
  /** Of the last beat, as text of a `bigint`; only a higher one counts. */
  sequence: Generated<string>
  version: string | null
  config: Json<object>
  facts: Json<object>
  startedAt: Date | null
  lastBeatAt: Date | null
  goneAt: Date | null
  createdAt: Date
  endedAt: Date | null
}

export type RelayRow = Selectable<RelayTable>

declare module '#kernel/db.ts' {
  interface Tables {
    relays: RelayTable
  }
}
