import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'

const member = { userId: z.string(), role: z.string() }

const account = { accountId: z.string() }
const aboutAccount = { target: 'accountId' } as const
const aboutMember = { target: 'userId' } as const

export const accountCreated = defineEvent(
  'account.created',
  'An account was founded, for somebody’s own use or below a reseller.',
  z.object({ ...account, name: z.string(), kind: z.string(), parentId: z.string().optional() }),
  aboutAccount,
)

export const accountChanged = defineEvent(
  'account.changed',
  'The name, the kind or the place of an account was changed.',
  z.object({
    ...account,
    changed: z.array(z.string()),
    kind: z.string(),
    parentId: z.string().optional(),
  }),
  aboutAccount,
)

export const accountDeleted = defineEvent(
  'account.deleted',
  'An account was deleted: nobody acts for it any more.',
  z.object({ ...account, name: z.string() }),
  aboutAccount,
)

export const ownershipTransferred = defineEvent(
  'account.ownership_transferred',
  'An account got another owner; those before are admins now.',
  z.object({ to: z.string(), from: z.array(z.string()) }),
  { target: 'to' },
)

export const memberAdded = defineEvent(
  'member.added',
  'A person became a member of the account.',
  z.object({ ...member, invitationId: z.string().optional() }),
  aboutMember,
)

export const memberChanged = defineEvent(
  'member.role_changed',
  'A member got another role.',
  z.object({ ...member, before: z.string() }),
  aboutMember,
)

export const memberRemoved = defineEvent(
  'member.removed',
  'A member left the account, or was removed from it.',
  z.object({ ...member, left: z.boolean() }),
  aboutMember,
)

export const accountEvents = [
  ...[accountCreated, accountChanged, accountDeleted, ownershipTransferred],
  ...[memberAdded, memberChanged, memberRemoved],
]
