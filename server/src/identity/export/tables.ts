import type { Selectable } from 'kysely'

/** One row per copy of a user's data, until it is deleted. Made by `migrations/0016_people.sql`. */
export interface DataExportTable {
  id: string
  userId: string
  /** By which it is followed; gone before the export, perhaps. */
  operationId: string
  status: 'making' | 'ready' | 'failed'
  /** Text, since a Postgres `bigint` can exceed a safe number. */
  bytes: string | null
  createdAt: Date
  readyAt: Date | null
  /** When it is deleted. */
  expiresAt: Date
}

export type DataExportRow = Selectable<DataExportTable>
