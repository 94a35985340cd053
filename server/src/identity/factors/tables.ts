import type { Generated, Selectable } from 'kysely'

/** The secret of an authenticator app. Made by `migrations/0013_factors.sql`, as all of these. */
export interface TotpSecretTable {
  /** Begins with the user's. */
  id: string
  userId: string
  state: 'pending' | 'active'
  sealedSecret: Buffer
  /** That began the enrolment, and alone may finish it. */
  signInId: string
  createdAt: Date
  /** Of the newest code that was taken, as text of a `bigint`; null while pending. */
  lastStep: string | null
}

export type TotpSecretRow = Selectable<TotpSecretTable>

export interface BackupCodeTable {
  userId: string
  codeHash: Buffer
  createdAt: Date
  usedAt: Date | null
}

export interface PasskeyTable {
  id: string
  userId: string
  name: string
  credentialId: Buffer
  /** COSE. */
  publicKey: Buffer
  /** Text of a `bigint`. */
  signCount: string
  transports: string[]
  isSynced: boolean
  createdAt: Date
  lastUsedAt: Date | null
}

export type PasskeyRow = Selectable<PasskeyTable>

/** A password was right; the second factor is awaited. */
export interface SignInChallengeTable {
  challengeHash: Buffer
  userId: string
  userVer: number
  /** Address or /64 that the password came from. */
  network: string
  amr: string[]
  tries: Generated<number>
  createdAt: Date
  expiresAt: Date
  usedAt: Date | null
}

export type SignInChallengeRow = Selectable<SignInChallengeTable>

/** What a passkey is asked to sign. */
export interface PasskeyCeremonyTable {
  challengeHash: Buffer
  purpose: 'register' | 'sign_in' | 'second_factor' | 'step_up'
  boundTo: string | null
  expiresAt: Date
}

/** Wrong proofs of a person within a window; those that are being checked count too. */
export interface FactorTriesTable {
  userId: string
  windowStartedAt: Date
  tries: number
}

/** A device that needs no second factor for a while. */
export interface RememberedDeviceTable {
  id: string
  userId: string
  userVer: number
  /** The last one of the device; it may have been deleted since. */
  signInId: string
  tokenHash: Buffer
  ipAddress: string | null
  userAgent: string | null
  createdAt: Date
  expiresAt: Date
  lastUsedAt: Date
}

export type RememberedDeviceRow = Selectable<RememberedDeviceTable>
