import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'

const key = z.object({ keyId: z.string() })

export const added = defineEvent(
  'sealing_key.added',
  'A key was added that is to seal what the database holds.',
  key,
)

export const activated = defineEvent(
  'sealing_key.activated',
  'A sealing key seals from now on; the one before only opens.',
  key,
)

export const retired = defineEvent(
  'sealing_key.retired',
  'A sealing key that nothing was sealed with any more was given up.',
  key,
)
