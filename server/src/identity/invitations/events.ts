import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'

const invitation = {
  invitationId: z.string(),
  role: z.string().optional(),
  platformRole: z.string().optional(),
}

const aboutInvitation = { target: 'invitationId' } as const

export const invited = defineEvent(
  'invitation.created',
  'Somebody was invited to the account, or to run the installation.',
  z.object(invitation),
  aboutInvitation,
)

export const invitationResent = defineEvent(
  'invitation.resent',
  'An invitation was mailed again, with a new link; the one before is worthless.',
  z.object({ invitationId: z.string() }),
  aboutInvitation,
)

export const invitationAccepted = defineEvent(
  'invitation.accepted',
  'Somebody accepted an invitation.',
  z.object({ ...invitation, userId: z.string() }),
  aboutInvitation,
)

export const invitationCancelled = defineEvent(
  'invitation.cancelled',
  'An invitation was taken back, or lost its worth with the right of whoever made it.',
  z.object({ invitationId: z.string(), reason: z.string() }),
  aboutInvitation,
)

export const invitationEvents = [invited, invitationResent, invitationAccepted, invitationCancelled]
