import type { AccountRole, PlatformRole } from '#access/index.ts'
import type { Generated, Selectable } from 'kysely'

/** One row per invitation; its token is not kept. Made by `migrations/0015_access.sql`. */
export interface InvitationTable {
  id: string
  /** None for people who are only to run the installation. */
  accountId: string | null
  email: string
  /** Folded by `emailKey`. */
  emailKey: string
  role: AccountRole | null
  platformRole: PlatformRole | null
  invitedBy: string
  /** Of the token that was mailed last. */
  tokenHash: Buffer
  createdAt: Date
  sentAt: Date
  timesSent: Generated<number>
  expiresAt: Date
  acceptedAt: Date | null
  acceptedBy: string | null
  cancelledAt: Date | null
  cancelledReason: 'cancelled' | 'replaced' | 'inviter_lost_right' | 'account_deleted' | null
}

export type InvitationRow = Selectable<InvitationTable>
