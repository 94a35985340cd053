import type { Generated, Selectable } from 'kysely'
import type { JsonWebKey } from 'node:crypto'
import type { JwsAlgorithm } from '#kernel/jws.ts'
import type { Json } from '#kernel/tables.ts'
import type {
  BackupCodeTable,
  FactorTriesTable,
  PasskeyCeremonyTable,
  PasskeyTable,
  RememberedDeviceTable,
  SignInChallengeTable,
  TotpSecretTable,
} from './factors/tables.ts'
import type { AccountRole, PlatformRole } from '#access/index.ts'
import type { AvatarTable } from './avatar/tables.ts'
import type { DataExportTable } from './export/tables.ts'
import type { BulkRowTable } from './administration/bulk/tables.ts'
import type { InvitationTable } from './invitations/tables.ts'
import type { SignInResult } from './sign-in-results.ts'
import type { ApiKeyTable } from './keys/tables.ts'
import type { DepartureTable } from './leaving/tables.ts'
import type { LinkedIdentityTable, ProviderVisitTable } from './oauth/tables.ts'
import type { UserSettings } from './settings.ts'
import type { SigningKeyState } from './signing/states.ts'
import type { SocketTicketTable } from './socket-tickets/tables.ts'

export type AccountKind = 'personal' | 'organisation' | 'reseller'
export type Tier = 'free' | 'premium' | 'enterprise'

/** What owns resources and is billed. Made by `migrations/0002_identity.sql`, as all of these. */
export interface AccountTable {
  id: string
  name: string
  kind: AccountKind
  tier: Generated<Tier>
  /** The account above; only a reseller has accounts below it. */
  parentId: string | null
  /** Whether everybody who acts for it needs a second factor. */
  requireSecondFactor: Generated<boolean>
  /** Ids from the top of the tree down to this one. The database keeps it. */
  path: Generated<string[]>
  /** Who founded it for themselves. */
  createdBy: string | null
  deletedAt: Date | null
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
  /** Without one, `passwordHash` is of no password at all. */
  hasPassword: Generated<boolean>
  firstName: string | null
  lastName: string | null
  /** Who is `leaving` is to be deleted, and can be restored until then; of the `deleted` only the row is left. */
  status: Generated<'active' | 'disabled' | 'leaving' | 'deleted'>
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

export type RevokedReason =
  | 'signed_out'
  | 'signed_out_elsewhere'
  | 'replaced'
  | 'renewed'
  | 'reuse_detected'
  | 'password_changed'
  | 'password_reset'
  | 'left'

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
  revokedReason: RevokedReason | null
  /** Sealed for this row. */
  refreshKey: Buffer
  /** Of the token that may be used next. */
  refreshCounter: number
  refreshHash: Buffer
  parentHash: Buffer | null
  refreshedAt: Date
  refreshedBy: Buffer
  /** The sign-in of the member of staff who acts as the user; it has to be live, too. */
  impersonatedFrom: string | null
  impersonatedBy: string | null
  steppedUpAt: Date | null
  /** Null in rows from before devices were told apart. */
  device: Buffer | null
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

export const mailedPurposes = [
  'verify_email',
  'reset_password',
  'confirm_new_email',
  'restore_user',
] as const
export type TokenPurpose = (typeof mailedPurposes)[number]

/** What a mailed link stands for. Made by `migrations/0012_signin.sql`, as all below. */
export interface OneTimeTokenTable {
  userId: string
  purpose: TokenPurpose
  tokenHash: Buffer
  email: string
  createdAt: Date
  expiresAt: Date
  usedAt: Date | null
}

export type OneTimeTokenRow = Selectable<OneTimeTokenTable>

export interface AttemptTable {
  kind: string
  key: Buffer
  count: number
  endsAt: Date
}

/** Wrong passwords for one address. */
export interface PasswordFailureTable {
  key: Buffer
  failures: number
  windowEndsAt: Date
  refusedUntil: Date | null
  locks: number
  lastAt: Date
}

/** What people see of who has tried to be them. */
export interface SignInRecordTable {
  id: string
  userId: string
  at: Date
  result: SignInResult
  signInId: string | null
  ipAddress: string | null
  userAgent: string | null
}

export type SignInRecordRow = Selectable<SignInRecordTable>

declare module '#kernel/db.ts' {
  interface Tables {
    accounts: AccountTable
    users: UserTable
    members: MemberTable
    signIns: SignInTable
    signingKeys: SigningKeyTable
    bootstrapTokens: BootstrapTokenTable
    apiKeys: ApiKeyTable
    totpSecrets: TotpSecretTable
    backupCodes: BackupCodeTable
    passkeys: PasskeyTable
    signInChallenges: SignInChallengeTable
    passkeyCeremonies: PasskeyCeremonyTable
    factorTries: FactorTriesTable
    rememberedDevices: RememberedDeviceTable
    invitations: InvitationTable
    bulkRows: BulkRowTable
    oneTimeTokens: OneTimeTokenTable
    socketTickets: SocketTicketTable
    attempts: AttemptTable
    passwordFailures: PasswordFailureTable
    signInRecords: SignInRecordTable
    departures: DepartureTable
    avatars: AvatarTable
    dataExports: DataExportTable
    linkedIdentities: LinkedIdentityTable
    providerVisits: ProviderVisitTable
  }
}
