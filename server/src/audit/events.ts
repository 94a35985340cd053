import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'

export const refused = defineEvent(
  'access.refused',
  'Somebody who is signed in wanted what they may not have, or somebody came from where they may not. Repeats are counted, and told in one event.',
  z.object({
    wanted: z.string().meta({ description: 'Method and route' }),
    code: z.string().meta({ description: 'Of the problem that answered' }),
    count: z.int().meta({ description: 'How often, beyond what was told before' }),
  }),
  { target: 'wanted', result: 'refused' },
)

export const exported = defineEvent(
  'audit.exported',
  'Somebody began to export the audit log',
  z.object({
    format: z.enum(['csv', 'json']),
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    filters: z.array(z.string()).meta({ description: 'Names of the filters that were given' }),
  }),
)

export const verified = defineEvent(
  'audit.verified',
  'The hash chain of the audit log was verified',
  z.object({
    operationId: z.string(),
    rows: z.int(),
    badSequence: z.int().optional().meta({ description: 'The first row that is not as it was' }),
  }),
  { target: 'operationId', result: ({ badSequence }) => (badSequence ? 'failed' : 'succeeded') },
)

export const erased = defineEvent(
  'audit.person_erased',
  'What the log told of a person beyond ids was erased',
  z.object({ userId: z.string(), events: z.int() }),
  { target: 'userId' },
)

export const published = [refused, exported, verified, erased]
