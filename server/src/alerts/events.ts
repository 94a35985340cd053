import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'
import { kinds } from './schema.ts'

export const raised = defineEvent(
  'alert.raised',
  'Something goes on that staff should look at. Told once, until the alert was acknowledged.',
  z.object({ id: z.string(), kind: z.enum(kinds), subject: z.string(), detail: z.string() }),
)

export const acknowledged = defineEvent(
  'alert.acknowledged',
  'Somebody has looked at an alert',
  z.object({ id: z.string(), kind: z.enum(kinds), subject: z.string() }),
)

export const fetched = defineEvent(
  'export.fetched',
  'Somebody began to fetch what holds much of an account or of the installation at once',
  z.object({
    what: z.string().meta({ description: 'Such as `audit` or `person`' }),
    id: z.string().optional().meta({ description: 'Of the thing that it is of' }),
  }),
)

export const published = [raised, acknowledged, fetched]
