import type { Invitation } from './schema.ts'
import type { InvitationRow } from './tables.ts'

/** So long may it be accepted, from when it was mailed last. */
export const LIFE_HOURS = 72

export const statuses = ['pending', 'accepted', 'expired', 'cancelled'] as const

const WHY = {
  pending: 'is open',
  accepted: 'was accepted already',
  expired: 'has expired',
  cancelled: 'was taken back',
}

export function statusOf(row: InvitationRow, now: Date): (typeof statuses)[number] {
  if (row.acceptedAt) return 'accepted'
  if (row.cancelledAt) return 'cancelled'
  return row.expiresAt <= now ? 'expired' : 'pending'
}

export function whyEnded(row: InvitationRow, now: Date): string {
  return WHY[statusOf(row, now)]
}

export function presentInvitation(row: InvitationRow, now: Date): Invitation {
  const { id, email, accountId, role, platformRole, invitedBy, timesSent } = row
  return {
    ...{ id, email, invitedBy, timesSent },
    ...(accountId && { accountId }),
    ...(role && { role }),
    ...(platformRole && { platformRole }),
    status: statusOf(row, now),
    createdAt: row.createdAt.toISOString(),
    sentAt: row.sentAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    ...(row.acceptedAt && { acceptedAt: row.acceptedAt.toISOString() }),
    ...(row.acceptedBy && { acceptedBy: row.acceptedBy }),
    ...(row.cancelledAt && { cancelledAt: row.cancelledAt.toISOString() }),
  }
}
