import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'

const identity = z.object({ userId: z.string(), identityId: z.string(), provider: z.string() })
const aboutUser = { target: 'userId' } as const

export const identityLinked = defineEvent(
  'user.identity_linked',
  'A person can sign in with an identity at a provider from now on.',
  identity,
  aboutUser,
)

export const identityUnlinked = defineEvent(
  'user.identity_unlinked',
  'An identity at a provider no longer signs a person in.',
  identity,
  aboutUser,
)

export const oauthEvents = [identityLinked, identityUnlinked]
