import type { KeptRecords } from '#kernel/personal-records.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import type { Vault } from './head-keys.ts'

/** What the audit of a running process works with. */
export interface AuditParts {
  vault: Vault
  /** Where heads are kept beside the database. */
  store: ObjectStore
  /** What all capabilities keep about people. */
  records: readonly KeptRecords[]
}
