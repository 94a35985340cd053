import type { Selectable } from 'kysely'
import type { Json } from '#kernel/tables.ts'
import type { Proof } from './provider.ts'

/** One row per identity at a provider that a person may sign in with. Made by `migrations/0020_oauth.sql`, as all of these. */
export interface LinkedIdentityTable {
  id: string
  userId: string
  provider: string
  issuer: string
  /** Whose it is, together with the issuer. */
  subject: string
  email: string | null
  createdAt: Date
  lastUsedAt: Date | null
}

export type LinkedIdentityRow = Selectable<LinkedIdentityTable>

export const purposes = ['sign_in', 'link', 'step_up'] as const
export type Purpose = (typeof purposes)[number]

/** One row per browser that was sent to a provider; deleted when what came of it is used. */
export interface ProviderVisitTable {
  stateHash: Buffer
  browserHash: Buffer
  provider: string
  purpose: Purpose
  signInId: string | null
  createdAt: Date
  expiresAt: Date
  answeredAt: Date | null
  codeHash: Buffer | null
  proof: Json<Proof> | null
}

export type ProviderVisitRow = Selectable<ProviderVisitTable>
