import { z } from 'zod'
import { signingKeyStates } from './states.ts'

const time = z.iso.datetime()

export const SigningKey = z
  .strictObject({
    kid: z.string().meta({ description: 'RFC 7638 thumbprint; the `kid` of its tokens' }),
    status: z.enum(signingKeyStates.names),
    algorithm: z.enum(['EdDSA', 'RS256', 'ES256']),
    source: z.enum(['local', 'kms']),
    createdAt: time,
    activatesAt: time.optional().meta({ description: 'Of a published key: when it is to sign' }),
    activatedAt: time.optional(),
    retiringAt: time.optional(),
  })
  .meta({ id: 'SigningKey' })
export type SigningKey = z.output<typeof SigningKey>

export const SigningKeys = z.strictObject({ items: z.array(SigningKey) })

export const RotateSigningKeys = z.strictObject({
  emergency: z
    .stringbool()
    .default(false)
    .meta({ description: 'Drop every key at once, and with them every access token' }),
})
