import type { Generated, Selectable } from 'kysely'
import type { Mode } from './format.ts'

/** One row per API key; the key itself is not kept. Made by `migrations/0006_api_keys.sql`. */
export interface ApiKeyTable {
  id: string
  accountId: string
  createdBy: string
  name: string
  mode: Mode
  prefix: string
  keyHash: Buffer
  scopes: string[]
  /** Anywhere when empty. */
  allowedAddresses: Generated<string[]>
  createdAt: Date
  expiresAt: Date
  /** At most a minute behind. */
  lastUsedAt: Date | null
  lastUsedIp: string | null
  revokedAt: Date | null
  replacedBy: string | null
  /** Until when a replaced key still counts. */
  overlapEndsAt: Date | null
  /** For some minutes, when the key was asked for with an idempotency key. */
  sealedKey: Buffer | null
}

export type ApiKeyRow = Selectable<ApiKeyTable>
