import { statusOf } from './life.ts'
import type { Invitation } from './schema.ts'
import type { InvitationRow } from './tables.ts'

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
