import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'

const mail = { mailId: z.string(), template: z.string() }

export const sent = defineEvent(
  'mail.sent',
  'A mail was taken by the next server on its way.',
  z.object({ ...mail, attempts: z.number() }),
)

export const failed = defineEvent(
  'mail.failed',
  'A mail was given up: refused for good, or tried too often. `reason` holds no address.',
  z.object({ ...mail, attempts: z.number(), reason: z.string() }),
)

export const bounced = defineEvent(
  'mail.bounced',
  'A mail found no mailbox, or none that takes mail; its address gets no more until an admin lifts that.',
  z.object({ ...mail, reason: z.string() }),
)

export const suppressionLifted = defineEvent(
  'mail.suppression_lifted',
  'An admin let an address get mail again.',
  z.object({}),
)

export const published = [sent, failed, bounced, suppressionLifted]
