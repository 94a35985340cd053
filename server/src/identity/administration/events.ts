import { z } from 'zod'
import { defineEvent, personal } from '#kernel/events.ts'

const aboutUser = { target: 'userId' } as const
const userId = z.string()
const name = personal(z.string().nullable().optional())

export const userChanged = defineEvent(
  'user.changed',
  'Somebody else than the person changed their name.',
  z.object({
    ...{ userId, changed: z.array(z.string()) },
    ...{ firstName: name, firstNameBefore: name, lastName: name, lastNameBefore: name },
  }),
  aboutUser,
)

export const userDeactivated = defineEvent(
  'user.deactivated',
  'Nobody may sign in as the user any more; what they had open has ended.',
  z.object({ userId, reason: z.string().optional() }),
  aboutUser,
)

export const userReactivated = defineEvent(
  'user.reactivated',
  'The user may sign in again.',
  z.object({ userId }),
  aboutUser,
)

export const signInsEnded = defineEvent(
  'user.sign_ins_ended',
  'Somebody else than the person signed out all their devices.',
  z.object({ userId, ended: z.int() }),
  aboutUser,
)

export const resetMailed = defineEvent(
  'user.reset_mailed',
  'Somebody else than the person had a link mailed to them that sets a new password.',
  z.object({ userId }),
  aboutUser,
)

export const factorsReset = defineEvent(
  'user.factors_reset',
  'Somebody else than the person removed all their second factors.',
  z.object({ userId, authenticatorApp: z.boolean(), passkeys: z.int() }),
  aboutUser,
)

export const userUnlocked = defineEvent(
  'user.unlocked',
  'Wrong passwords and second factors so far count no more.',
  z.object({ userId }),
  aboutUser,
)

export const tierChanged = defineEvent(
  'account.tier_changed',
  'An account was moved to another tier.',
  z.object({ accountId: z.string(), userId, tier: z.string(), before: z.string() }),
  { target: 'accountId' },
)

export const bulkStarted = defineEvent(
  'users.bulk_started',
  'A change to many users was asked for; what became of each is announced by itself.',
  z.object({ operationId: z.string(), operation: z.string(), users: z.int() }),
  { target: 'operationId' },
)

export const administrationEvents = [
  ...[userChanged, userDeactivated, userReactivated, signInsEnded, resetMailed],
  ...[factorsReset, userUnlocked, tierChanged, bulkStarted],
]
