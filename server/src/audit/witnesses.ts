import type { Db } from '#kernel/db.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import { keyIdOf, ownKeys, type Vault } from './head-keys.ts'
import { DATABASE, type Witness } from './check-heads.ts'
import { readHeads } from './heads.ts'
import type { AuditHead } from './schema.ts'
import { readStoredHeads } from './stored-heads.ts'

/** Ten years of days. */
const MOST = 3_660

export interface WitnessOptions {
  vault: Vault
  store: ObjectStore
  now: Date
  /** A head that was kept elsewhere, and where. */
  kept?: { head: AuditHead; source: string } | undefined
}

/**
 * All heads that are to be had, and the public keys that count: those that this installation's master key opens, and that of a head
 * which was kept elsewhere, since nobody who wrote to the database had a hand in it.
 */
export async function gatherWitnesses(db: Db, options: WitnessOptions) {
  const { vault, store, now, kept } = options
  const own = await readHeads(db, { limit: MOST })
  const stored = await readStoredHeads(store, now)
  const keys = await ownKeys(db, vault)
  if (kept) {
    const publicKey = Buffer.from(kept.head.publicKey, 'base64url')
    keys.set(keyIdOf(publicKey), publicKey)
  }
  const witnesses: Witness[] = [
    ...own.map((head) => ({ head, source: DATABASE })),
    ...stored.map((head) => ({ head, source: 'the object store' })),
    ...(kept ? [kept] : []),
  ]
  return { witnesses, keys }
}
