import { z } from 'zod'
import { pageOf } from '#kernel/http/cursor.ts'
import { emailKey } from './email.ts'
import { EitherCode } from './factors/codes.ts'
import { PasskeyAnswer } from './factors/passkey-answer.ts'
import {
  MAX_PASSWORD_LENGTH,
  MIN_PASSWORD_LENGTH,
  passwordFault,
  typedPasswordFault,
} from './password-text.ts'
import { PersonName, UserSettings, UserSettingsChange } from './settings.ts'
import { signInResults } from './sign-in-results.ts'

export const User = z
  .strictObject({
    id: z.string().meta({ description: '`usr_…`' }),
    email: z.string(),
    emailVerified: z.boolean(),
    firstName: z.string().optional(),
    lastName: z.string().optional(),
    avatarUrl: z
      .string()
      .optional()
      .meta({ description: 'Path on this server; another one for each picture' }),
    tier: z.enum(['free', 'premium', 'enterprise']).meta({ description: 'Of the account' }),
    roles: z.array(z.string()).meta({ description: 'What each may do: `GET /v1/roles`' }),
    accountId: z.string().meta({ description: 'The account that the user acts for' }),
    impersonatedBy: z
      .strictObject({ userId: z.string(), email: z.string(), expiresAt: z.iso.datetime() })
      .optional()
      .meta({ description: 'The member of staff who acts as the user, and until when' }),
    settings: UserSettings,
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    lastLoginAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'User' })
export type User = z.output<typeof User>

export const Email = z
  .string()
  .max(254)
  .refine((text) => emailKey(text) !== undefined, 'must be an e-mail address')
  .meta({ format: 'email' })

/** A password that is chosen now; whether it is too easy to guess is told by `auth.weak_password`. */
export const NewPassword = z
  .string()
  .superRefine((text, issue) => report(issue, passwordFault(text)))
  .meta({ minLength: MIN_PASSWORD_LENGTH, maxLength: MAX_PASSWORD_LENGTH, format: 'password' })

export const PasswordRules = z
  .strictObject({
    minLength: z.int().meta({ description: 'In characters, as a person counts' }),
    maxLength: z.int(),
    minScore: z.int().min(0).max(4).meta({
      description: 'Of zxcvbn, which guesses how many tries it takes to find a password',
    }),
  })
  .meta({ id: 'PasswordRules' })

const TypedPassword = z
  .string()
  .superRefine((text, issue) => report(issue, typedPasswordFault(text)))
  .meta({ minLength: 1, maxLength: MAX_PASSWORD_LENGTH, format: 'password' })

function report(issue: z.core.$RefinementCtx<string>, message: string | undefined): void {
  if (message) issue.addIssue({ code: 'custom', message })
}

export const SessionForm = z.enum(['tokens', 'cookie']).optional().meta({
  description:
    '`tokens` unless given. `cookie`, for pages of this server: the tokens come as cookies that no script can read, and not in the answer',
})
export type SessionForm = z.output<typeof SessionForm>

const newPerson = {
  email: Email,
  password: NewPassword,
  firstName: PersonName.optional(),
  lastName: PersonName.optional(),
}

/** Who is to have a user. */
export const Person = z.strictObject(newPerson)
export type Person = z.output<typeof Person>

export const Register = z
  .strictObject({ ...newPerson, session: SessionForm })
  .meta({ id: 'Register' })

export const Bootstrap = z
  .strictObject({
    token: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/, 'must be the token of the link that the server printed'),
    ...newPerson,
    session: SessionForm,
  })
  .meta({ id: 'Bootstrap' })
export type Bootstrap = z.output<typeof Bootstrap>

export const RememberToken = z
  .string()
  .regex(/^[A-Za-z0-9_-]{43}$/, 'must be the `rememberToken` of an earlier sign-in')
  .meta({ description: 'Of an earlier sign-in of this device, in place of a second factor' })

export const Login = z
  .strictObject({
    email: Email,
    password: TypedPassword,
    rememberToken: RememberToken.optional(),
    session: SessionForm,
  })
  .meta({ id: 'Login' })
export type Login = z.output<typeof Login>

export const Refresh = z
  .strictObject({
    refreshToken: z
      .string()
      .min(1)
      .max(512)
      .optional()
      .meta({ description: 'Left out by a page whose browser sends it as a cookie' }),
  })
  .meta({ id: 'Refresh' })

const LinkToken = z
  .string()
  .regex(/^[A-Za-z0-9_-]{43}$/, 'must be the token of the link that was mailed')

export const UseLink = z.strictObject({ token: LinkToken }).meta({ id: 'UseLink' })

export const ForgotPassword = z.strictObject({ email: Email }).meta({ id: 'ForgotPassword' })

export const ResetPassword = z
  .strictObject({ token: LinkToken, password: NewPassword })
  .meta({ id: 'ResetPassword' })
export type ResetPassword = z.output<typeof ResetPassword>

export const ChangePassword = z
  .strictObject({
    currentPassword: TypedPassword,
    newPassword: NewPassword,
  })
  .meta({ id: 'ChangePassword' })

export const ChangeEmail = z
  .strictObject({ newEmail: Email, password: TypedPassword })
  .meta({ id: 'ChangeEmail' })

export const StepUp = z
  .strictObject({
    password: TypedPassword.optional(),
    code: EitherCode.optional(),
    passkey: PasskeyAnswer.optional().meta({
      description: 'An answer to `POST /v1/auth/step-up/options`',
    }),
  })
  .refine(
    (proofs) => Object.values(proofs).filter((proof) => proof !== undefined).length === 1,
    'must hold one of `password`, `code` and `passkey`',
  )
  .meta({ id: 'StepUp' })
export type StepUp = z.output<typeof StepUp>

export const SteppedUp = z
  .strictObject({ steppedUpUntil: z.iso.datetime() })
  .meta({ id: 'SteppedUp' })

export const Device = z
  .strictObject({
    id: z.string().meta({ description: '`sgn_…`' }),
    userId: z.string(),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().meta({ description: 'Moves on when the device is used' }),
    lastActivityAt: z.iso.datetime().meta({ description: 'Of the last refresh' }),
    ipAddress: z.string().optional(),
    userAgent: z.string().optional(),
    current: z.boolean().meta({ description: 'Whether it sent this request' }),
  })
  .meta({ id: 'Device' })
export type Device = z.output<typeof Device>

export const DeviceList = z.strictObject({ items: z.array(Device) }).meta({ id: 'DeviceList' })

const SignInRecord = z
  .strictObject({
    id: z.string().meta({ description: '`sir_…`' }),
    at: z.iso.datetime(),
    result: z.enum(signInResults).meta({
      description: '`locked`: refused unseen, since too many wrong passwords had come',
    }),
    ipAddress: z.string().optional(),
    userAgent: z.string().optional(),
  })
  .meta({ id: 'SignInRecord' })

export const SignInRecordPage = pageOf(SignInRecord).meta({ id: 'SignInRecordPage' })

export const SignedIn = z
  .strictObject({
    user: User,
    accessToken: z.string().meta({ description: 'Goes into `Authorization: Bearer …`' }),
    refreshToken: z.string().meta({ description: 'Buys the next pair of tokens, once' }),
    expiresInSeconds: z.int().meta({ description: 'Of the access token' }),
  })
  .meta({ id: 'SignedIn' })
export type SignedIn = z.output<typeof SignedIn>

export const CookieSession = z
  .strictObject({
    user: User,
    csrfToken: z.string().meta({
      description: 'Goes into `X-CSRF-Token` of every request that may change something',
    }),
    expiresInSeconds: z.int().meta({ description: 'Until the next `POST /v1/auth/refresh`' }),
  })
  .meta({ id: 'CookieSession', description: 'A sign-in whose tokens are cookies' })
export type CookieSession = z.output<typeof CookieSession>

/** As the request asked for it. */
export const SignInAnswer = z.union([SignedIn, CookieSession])

const readOnly = {
  id: z.string(),
  email: z.string(),
  emailVerified: z.boolean(),
  avatarUrl: z.string(),
  tier: z.string(),
  roles: z.array(z.string()),
  accountId: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
  lastLoginAt: z.string(),
}

/** A changed user, or some of its members; read-only ones may come along as they were read. */
export const ProfileChange = z
  .strictObject({
    firstName: PersonName.nullable().optional(),
    lastName: PersonName.nullable().optional(),
    settings: UserSettingsChange.optional(),
    ...z.object(readOnly).partial().shape,
  })
  .meta({ id: 'ProfileChange' })
export type ProfileChange = z.output<typeof ProfileChange>
