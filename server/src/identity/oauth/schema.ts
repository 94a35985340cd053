import { z } from 'zod'
import { RememberToken, SessionForm } from '../schema.ts'
import { purposes } from './tables.ts'

export const ProviderId = z.string().regex(/^[a-z][a-z0-9-]{1,30}$/, 'must name a provider')
export const ProviderParams = z.strictObject({ provider: ProviderId })
export const IdentityParams = z.strictObject({ id: z.string().max(64) })

const SignInProvider = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    stepUp: z.boolean().meta({
      description: 'Whether `POST /v1/auth/oauth/{provider}/step-up` can prove who you are',
    }),
  })
  .meta({ id: 'SignInProvider' })

export const ProviderList = z
  .strictObject({ items: z.array(SignInProvider) })
  .meta({ id: 'SignInProviderList' })

export const VisitBegun = z
  .strictObject({
    authorizationUrl: z.url().meta({ description: 'Where to send the browser' }),
    expiresAt: z.iso.datetime().meta({ description: 'Until when it has to be back' }),
  })
  .meta({ id: 'ProviderVisit' })

/** Whatever the provider sends along: some of it only the provider knows. */
export const CallbackQuery = z
  .looseObject({
    code: z.string().max(4096).optional(),
    state: z.string().max(128).optional(),
    error: z.string().max(256).optional(),
    iss: z.string().max(512).optional(),
  })
  .transform((query): Record<string, unknown> => query)

export const VisitEnded = z
  .strictObject({
    purpose: z.enum(purposes),
    code: z.string().meta({ description: 'Works once, for the browser that has the cookie' }),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'ProviderAnswer' })

const VisitCode = z
  .string()
  .regex(/^[A-Za-z0-9_-]{43}$/, 'must be the code that followed the visit to the provider')

export const UseVisitCode = z.strictObject({ code: VisitCode }).meta({ id: 'UseProviderCode' })

export const LoginByProvider = z
  .strictObject({
    code: VisitCode,
    rememberToken: RememberToken.optional(),
    session: SessionForm,
  })
  .meta({ id: 'LoginByProvider' })

export const LinkedIdentity = z
  .strictObject({
    id: z.string().meta({ description: '`lid_…`' }),
    provider: z.string(),
    providerName: z.string(),
    email: z.string().optional().meta({ description: 'As the provider told it last' }),
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().optional().meta({ description: 'When it signed you in' }),
  })
  .meta({ id: 'LinkedIdentity' })
export type LinkedIdentity = z.output<typeof LinkedIdentity>

export const LinkedIdentityList = z
  .strictObject({ items: z.array(LinkedIdentity) })
  .meta({ id: 'LinkedIdentityList' })
