import type { SealedColumn } from '#kernel/secrets/sealed-column.ts'
import type { SealingKeys } from '#kernel/secrets/sealing-keys.ts'

/** What this capability works with. */
export interface SecretsParts {
  keys: SealingKeys
  /** Every column of the product that holds sealed records. */
  columns: readonly SealedColumn[]
  /** How long a key is known before it seals; 15 s unless given. */
  knownMs?: number
}
