import type { Selectable } from 'kysely'
import type { Scope } from './schema.ts'

/** From where staff may work; no row: from anywhere. Made by `migrations/0019_lists.sql`. */
export interface AdminAddressTable {
  /** As it was written: an address or a range. */
  range: string
  description: string
  /** A user's id. */
  addedBy: string
  addedAt: Date
}

/** Who may not come. One that has ended is deleted when the next one is made. */
export interface AddressBlockTable {
  id: string
  range: string
  scope: Scope
  reason: string
  /** Null: until it is lifted. */
  expiresAt: Date | null
  /** A user's id. */
  createdBy: string
  createdAt: Date
}

export type AdminAddressRow = Selectable<AdminAddressTable>
export type AddressBlockRow = Selectable<AddressBlockTable>

declare module '#kernel/db.ts' {
  interface Tables {
    adminAddresses: AdminAddressTable
    addressBlocks: AddressBlockTable
  }
}
