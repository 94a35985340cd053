import type { Selectable } from 'kysely'
import type { AlertKind, AlertState } from './schema.ts'

/** Made by `migrations/0019_lists.sql`. Of one kind and subject one is open at a time. */
export interface AlertTable {
  id: string
  kind: AlertKind
  /** An account's, a user's or a key's id, or `installation`. */
  subject: string
  accountId: string | null
  state: AlertState
  /** One sentence, as it was when it was raised last. */
  detail: string
  times: number
  raisedAt: Date
  lastRaisedAt: Date
  /** Null until super-admins were told. */
  mailedAt: Date | null
  acknowledgedAt: Date | null
  /** A user's or a key's id. */
  acknowledgedBy: string | null
}

/** Kept for 31 days. */
export interface ExportCountTable {
  /** A user's or a key's id. */
  actor: string
  /** Its beginning. */
  hour: Date
  count: number
  /** Since when there are so many that they have to prove who they are. */
  blockedSince: Date | null
}

export type AlertRow = Selectable<AlertTable>

declare module '#kernel/db.ts' {
  interface Tables {
    alerts: AlertTable
    exportCounts: ExportCountTable
  }
}
