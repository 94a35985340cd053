import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'

const aboutUser = { target: 'userId' } as const

export const deletionScheduled = defineEvent(
  'user.deletion_scheduled',
  'A user is to be deleted: nobody acts as them any more, and until `dueAt` they can be restored.',
  z.object({ userId: z.string(), by: z.string().optional(), dueAt: z.string() }),
  aboutUser,
)

export const restored = defineEvent(
  'user.restored',
  'A user who was to be deleted is there again.',
  z.object({ userId: z.string(), by: z.string().optional() }),
  aboutUser,
)

export const userDeleted = defineEvent(
  'user.deleted',
  'A user was deleted for good, with the accounts that were theirs alone.',
  z.object({ userId: z.string(), accountIds: z.array(z.string()) }),
  aboutUser,
)

export const leavingEvents = [deletionScheduled, restored, userDeleted]
