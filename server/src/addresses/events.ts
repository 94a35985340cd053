import { z } from 'zod'
import { defineEvent, personal } from '#kernel/events.ts'
import { scopes } from './schema.ts'

export const allowlistChanged = defineEvent(
  'addresses.allowlist_changed',
  'Somebody has changed from which addresses staff may work',
  z.object({
    list: z.literal('admin').meta({ description: 'Which list' }),
    ranges: z.int().meta({ description: 'How many there are now; none: from anywhere' }),
    added: personal(z.array(z.string())),
    removed: personal(z.array(z.string())),
  }),
  { target: 'list' },
)

const blockFacts = z.object({
  id: z.string(),
  scope: z.enum(scopes),
  range: personal(z.string()),
})

export const blocked = defineEvent(
  'addresses.blocked',
  'Somebody has blocked an address or a range',
  blockFacts.extend({ reason: z.string(), expiresAt: z.iso.datetime().nullable() }),
)

export const unblocked = defineEvent(
  'addresses.unblocked',
  'Somebody has lifted a block of an address or a range',
  blockFacts,
)

export const published = [allowlistChanged, blocked, unblocked]
