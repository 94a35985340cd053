import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'

const key = {
  keyId: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  allowedAddresses: z.array(z.string()),
  expiresAt: z.iso.datetime(),
}

const aboutKey = { target: 'keyId' } as const

export const keyCreated = defineEvent(
  'api_key.created',
  'A person made an API key.',
  z.object({ ...key, mode: z.enum(['live', 'test']) }),
  aboutKey,
)

export const keyRotated = defineEvent(
  'api_key.rotated',
  'An API key got a successor, which the other members describe; it counts itself until the overlap ends.',
  z.object({ ...key, replacedBy: z.string(), overlapEndsAt: z.iso.datetime() }),
  aboutKey,
)

export const keyRevoked = defineEvent(
  'api_key.revoked',
  'An API key was revoked before its time.',
  z.object({ keyId: z.string(), name: z.string() }),
  aboutKey,
)

export const keyEvents = [keyCreated, keyRotated, keyRevoked]
