import type { Selectable } from 'kysely'
import type { Json } from '#kernel/tables.ts'
import type { BulkRow, CreateUser } from '../schema.ts'

/** What becomes of each user of a change to many. Made by `migrations/0017_admin.sql`. */
export interface BulkRowTable {
  operationId: string
  position: number
  userId: string | null
  /** Of a user who is to be made. */
  person: Json<CreateUser> | null
  status: BulkRow['status']
  code: string | null
  detail: string | null
}

export type BulkRowRow = Selectable<BulkRowTable>
