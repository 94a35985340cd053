import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'

export const changed = defineEvent(
  'setting.changed',
  'An admin has changed a runtime setting or a feature flag',
  z.strictObject({
    name: z.string(),
    kind: z.enum(['setting', 'flag']),
    before: z.unknown(),
    after: z.unknown(),
  }),
  { target: 'name' },
)
