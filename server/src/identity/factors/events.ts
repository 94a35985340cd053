import { z } from 'zod'
import { defineEvent, personal } from '#kernel/events.ts'

const method = z.enum(['totp', 'backup_code', 'passkey'])
export type FactorMethod = z.output<typeof method>

const person = { userId: z.string() }
const client = {
  ipAddress: personal(z.string().optional()),
  userAgent: personal(z.string().optional()),
}
const passkey = { ...person, passkeyId: z.string(), name: z.string() }

const aboutUser = { target: 'userId' } as const
const aboutPasskey = { target: 'passkeyId' } as const

export const factorEnabled = defineEvent(
  'second_factor.enabled',
  'A person set up an authenticator app, or their first passkey: signing in by password takes a second factor from now on.',
  z.object({ ...person, method }),
  aboutUser,
)

export const factorDisabled = defineEvent(
  'second_factor.disabled',
  'A person gave up their authenticator app, or their last passkey. `isLast`: signing in takes the password alone from now on.',
  z.object({ ...person, method, isLast: z.boolean() }),
  aboutUser,
)

export const factorUsed = defineEvent(
  'second_factor.used',
  'A second factor was right. `for` tells what it proved.',
  z.object({ ...person, method, for: z.enum(['sign_in', 'step_up', 'change']), ...client }),
  aboutUser,
)

export const factorRefused = defineEvent(
  'second_factor.refused',
  'A second factor was wrong, or none was looked at since there were too many wrong ones.',
  z.object({ ...person, method, reason: z.enum(['wrong', 'locked']), ...client }),
  { ...aboutUser, result: 'refused' },
)

export const codesRegenerated = defineEvent(
  'backup_codes.regenerated',
  'A person got new backup codes; those before count no more.',
  z.object({ ...person }),
  aboutUser,
)

export const passkeyAdded = defineEvent(
  'passkey.added',
  'A person registered a passkey.',
  z.object({ ...passkey, isSynced: z.boolean() }),
  aboutPasskey,
)

export const passkeyRemoved = defineEvent(
  'passkey.removed',
  'A person removed a passkey.',
  z.object(passkey),
  aboutPasskey,
)

export const passkeyRefused = defineEvent(
  'passkey.refused',
  'A passkey was refused. `counter`: it had signed more often before than it says, so there may be a copy of it.',
  z.object({ ...passkey, reason: z.enum(['signature', 'counter']), ...client }),
  { ...aboutPasskey, result: 'refused' },
)

export const requirementChanged = defineEvent(
  'second_factor.requirement_changed',
  'An account began or ceased to demand a second factor of everybody who acts for it.',
  z.object({ accountId: z.string(), required: z.boolean() }),
  { target: 'accountId' },
)

export const factorEvents = [
  ...[factorEnabled, factorDisabled, factorUsed, factorRefused, codesRegenerated],
  ...[passkeyAdded, passkeyRemoved, passkeyRefused, requirementChanged],
]
