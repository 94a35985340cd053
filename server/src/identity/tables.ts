import type { Generated, Selectable } from 'kysely'
import type { JsonWebKey } from 'node:crypto'
import type { JwsAlgorithm } from '#kernel/jws.ts'
import type { Json } from '#kernel/tables.ts'
import type { ApiKeyTable } from './keys/tables.ts'
import type { UserSettings } from './settings.ts'
import type { SigningKeyState } from './signing/states.ts'

export type AccountRole = 'owner' | 'admin' | 'member' | 'viewer'
export type PlatformRole = 'super-admin' | 'admin' | 'support'
export type Tier = 'free' | 'premium' | 'enterprise'

/** What owns resources and is billed. Made by `migrations/0002_identity.sql`, as all of these. */
export interface AccountTable {
  id: string
  name: string
  kind: 'personal'
  tier: Generated<Tier>
  parentId: string | null
  createdAt: Date
  updatedAt: Date
}

/** One row per person. */
export interface UserTable {
  id: string
  email: string
  /** Folded by `emailKey`; unique. */
  emailKey: string
  emailVerified: Generated<boolean>
  passwordHash: string
  firstName: string | null
  lastName: string | null
  status: Generated<'active' | 'disabled'>
  platformRoles: Generated<PlatformRole[]>
  accountId: string
  /** Only what the person has set; the defaults stand in for the rest. */
  settings: Json<Partial<UserSettings>>
  ver: Generated<number>
  createdAt: Date
  updatedAt: Date
  lastLoginAt: Date | null
}

export interface MemberTable {
  accountId: string
  userId: string
  role: AccountRole
  createdAt: Date
}

/** One row per device that is or was signed in: the family of its refresh tokens. */
export interface SignInTable {
  id: string
  userId: string
  createdAt: Date
  expiresAt: Date
  idleExpiresAt: Date
  lastActivityAt: Date
  ipAddress: string | null
  userAgent: string | null
  amr: string[]
  revokedAt: Date | null
  revokedReason: 'signed_out' | 'replaced' | 'reuse_detected' | null
  /** Sealed for this row. */
  refreshKey: Buffer
  /** Of the token that may be used next. */
  refreshCounter: number
  refreshHash: Buffer
  parentHash: Buffer | null
  refreshedAt: Date
  refreshedBy: Buffer
}

export type SignInRow = Selectable<SignInTable>

/** One row per key that has signed tokens, or is to. */
export interface SigningKeyTable {
  kid: string
  algorithm: JwsAlgorithm
  publicJwk: Json<JsonWebKey>
  /** Null for a key of KMS, and for one that signs no more. */
  sealedPrivate: Buffer | null
  kmsKeyId: string | null
  state: SigningKeyState
  createdAt: Date
  /** When a published key is to sign. */
  activatesAt: Date | null
  activatedAt: Date | null
  retiringAt: Date | null
  goneAt: Date | null
}

/** The one-time right to become the first super-admin. */
export interface BootstrapTokenTable {
  tokenHash: Buffer
  createdAt: Date
  expiresAt: Date
  usedAt: Date | null
}

declare module '#kernel/db.ts' {
  interface Tables {
    accounts: AccountTable
    users: UserTable
    members: MemberTable
    signIns: SignInTable
    signingKeys: SigningKeyTable
    bootstrapTokens: BootstrapTokenTable
    apiKeys: ApiKeyTable
  }
}
