import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'

export const operationEnded = defineEvent(
  'operation.ended',
  'A piece of long work has succeeded, has failed or was cancelled',
  z.strictObject({
    id: z.string(),
    kind: z.string(),
    userId: z.string(),
    status: z.enum(['succeeded', 'failed', 'cancelled']),
  }),
  { result: ({ status }) => (status === 'cancelled' ? 'failed' : status) },
)
