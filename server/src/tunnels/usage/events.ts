import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'

const data = z.object({
  /** `tunnels.bytes` */
  quota: z.string(),
  accountId: z.string(),
  used: z.number(),
  limit: z.number(),
  resetsAt: z.string(),
})

export const quotaWarning = defineEvent(
  'quota.warning',
  'An account has used four fifths of what it may in this period',
  data,
  { target: 'quota' },
)

export const quotaExceeded = defineEvent(
  'quota.exceeded',
  'An account has used all that it may in this period; nothing new is let in until the next one',
  data,
  { target: 'quota' },
)

export const usageEvents = [quotaWarning, quotaExceeded]
