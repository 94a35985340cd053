import { z } from 'zod'
import { emailKey } from './email.ts'
import {
  MAX_PASSWORD_LENGTH,
  MIN_PASSWORD_LENGTH,
  passwordFault,
  typedPasswordFault,
} from './password-text.ts'
import { PersonName, UserSettings, UserSettingsChange } from './settings.ts'

export const User = z
  .strictObject({
    id: z.string().meta({ description: '`usr_…`' }),
    email: z.string(),
    emailVerified: z.boolean(),
    firstName: z.string().optional(),
    lastName: z.string().optional(),
    avatarUrl: z.string().optional(),
    tier: z.enum(['free', 'premium', 'enterprise']).meta({ description: 'Of the account' }),
    roles: z.array(z.string()).meta({ description: 'What each may do: `GET /v1/roles`' }),
    accountId: z.string().meta({ description: 'The account that the user acts for' }),
    settings: UserSettings,
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    lastLoginAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'User' })
export type User = z.output<typeof User>

const Email = z
  .string()
  .max(254)
  .refine((text) => emailKey(text) !== undefined, 'must be an e-mail address')
  .meta({ format: 'email' })

/** A password that is chosen now; whether it is too easy to guess is told by `auth.weak_password`. */
const NewPassword = z
  .string()
  .superRefine((text, issue) => report(issue, passwordFault(text)))
  .meta({ minLength: MIN_PASSWORD_LENGTH, maxLength: MAX_PASSWORD_LENGTH, format: 'password' })

const TypedPassword = z
  .string()
  .superRefine((text, issue) => report(issue, typedPasswordFault(text)))
  .meta({ minLength: 1, maxLength: MAX_PASSWORD_LENGTH, format: 'password' })

function report(issue: z.core.$RefinementCtx<string>, message: string | undefined): void {
  if (message) issue.addIssue({ code: 'custom', message })
}

const newPerson = {
  email: Email,
  password: NewPassword,
  firstName: PersonName.optional(),
  lastName: PersonName.optional(),
}

export const Register = z.strictObject(newPerson).meta({ id: 'Register' })
export type Register = z.output<typeof Register>

export const Bootstrap = z
  .strictObject({
    token: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/, 'must be the token of the link that the server printed'),
    ...newPerson,
  })
  .meta({ id: 'Bootstrap' })
export type Bootstrap = z.output<typeof Bootstrap>

export const Login = z.strictObject({ email: Email, password: TypedPassword }).meta({ id: 'Login' })
export type Login = z.output<typeof Login>

export const Refresh = z
  .strictObject({ refreshToken: z.string().min(1).max(512) })
  .meta({ id: 'Refresh' })
export type Refresh = z.output<typeof Refresh>

export const SignedIn = z
  .strictObject({
    user: User,
    accessToken: z.string().meta({ description: 'Goes into `Authorization: Bearer …`' }),
    refreshToken: z.string().meta({ description: 'Buys the next pair of tokens, once' }),
    expiresInSeconds: z.int().meta({ description: 'Of the access token' }),
  })
  .meta({ id: 'SignedIn' })
export type SignedIn = z.output<typeof SignedIn>

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
