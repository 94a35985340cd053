import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'

export const impersonated = defineEvent(
  'user.impersonated',
  'A member of staff began to act as a user. What is done in that sign-in names both as its actor.',
  z.object({
    userId: z.string(),
    signInId: z.string(),
    by: z.string(),
    reason: z.string(),
    expiresAt: z.iso.datetime(),
  }),
  { target: 'userId' },
)
