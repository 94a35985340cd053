import { z } from 'zod'
import { defineEvent, personal } from '#kernel/events.ts'

const client = {
  ipAddress: personal(z.string().optional()),
  userAgent: personal(z.string().optional()),
}

const aboutUser = { target: 'userId' } as const

export const registered = defineEvent(
  'user.registered',
  'A person got a user and an account of their own.',
  z.object({
    userId: z.string(),
    accountId: z.string(),
    by: z.enum(['sign_up', 'bootstrap', 'operator', 'invitation', 'admin', 'provider']),
    roles: z.array(z.string()),
  }),
  aboutUser,
)

export const signedIn = defineEvent(
  'user.signed_in',
  'A person proved who they are, and a device of theirs is signed in.',
  z.object({ userId: z.string(), signInId: z.string(), amr: z.array(z.string()), ...client }),
  aboutUser,
)

export const signInFailed = defineEvent(
  'user.sign_in_failed',
  'Somebody tried to sign in and was refused. `userId` is there when the address is known; the address itself never is.',
  z.object({
    reason: z.enum(['unknown_user', 'wrong_password', 'disabled', 'locked', 'not_linked']),
    userId: z.string().optional(),
    ...client,
  }),
  { ...aboutUser, result: 'refused' },
)

export const signInLocked = defineEvent(
  'user.sign_in_locked',
  'So many wrong passwords came that every password counts as wrong for a while. `userId` is there when the address is known.',
  z.object({ until: z.string(), userId: z.string().optional() }),
  aboutUser,
)

export const emailVerified = defineEvent(
  'user.email_verified',
  'A person proved that the e-mail address is theirs.',
  z.object({ userId: z.string() }),
  aboutUser,
)

export const emailChanged = defineEvent(
  'user.email_changed',
  'A person has another e-mail address, and has proved that it is theirs.',
  z.object({ userId: z.string() }),
  aboutUser,
)

export const passwordChanged = defineEvent(
  'user.password_changed',
  'A person has another password; all other devices of theirs were signed out.',
  z.object({ userId: z.string(), how: z.enum(['changed', 'reset']), ...client }),
  aboutUser,
)

export const steppedUp = defineEvent(
  'user.stepped_up',
  'A signed-in person proved again who they are.',
  z.object({ userId: z.string(), signInId: z.string(), by: z.string() }),
  aboutUser,
)

export const signedOut = defineEvent(
  'user.signed_out',
  'A device was signed out by its user, from itself or from another one.',
  z.object({ userId: z.string(), signInId: z.string(), from: z.string().optional() }),
  aboutUser,
)

export const profileChanged = defineEvent(
  'user.profile_changed',
  'A person changed their profile or settings.',
  z.object({ userId: z.string(), changed: z.array(z.string()) }),
  aboutUser,
)

export const reuseDetected = defineEvent(
  'sign_in.reuse_detected',
  'A refresh token came back after it had been used: it was copied, so the sign-in was ended.',
  z.object({ userId: z.string(), signInId: z.string(), ...client }),
  { ...aboutUser, result: 'refused' },
)

export const published = [
  registered,
  signedIn,
  signInFailed,
  signInLocked,
  signedOut,
  steppedUp,
  emailVerified,
  emailChanged,
  passwordChanged,
  profileChanged,
  reuseDetected,
]
