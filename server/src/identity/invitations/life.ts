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
