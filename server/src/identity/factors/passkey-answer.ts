import { z } from 'zod'

const MAX_BASE64 = 16_384

export const base64url = z
  .string()
  .max(MAX_BASE64)
  .regex(/^[A-Za-z0-9_-]+$/, 'must be base64url without padding')

/** Bytes are base64url, as `PublicKeyCredential.toJSON()` of the browser writes them. */
export const credential = {
  id: base64url.max(1_400),
  rawId: base64url.max(1_400),
  type: z.literal('public-key'),
  authenticatorAttachment: z.string().max(32).nullish(),
  clientExtensionResults: z.record(z.string().max(64), z.unknown()),
}

export const PasskeyAnswer = z
  .strictObject({
    ...credential,
    response: z.strictObject({
      clientDataJSON: base64url,
      authenticatorData: base64url,
      signature: base64url,
      userHandle: base64url.nullish(),
    }),
  })
  .meta({
    id: 'PasskeyAnswer',
    description: '`toJSON()` of what `navigator.credentials.get` gave (AuthenticationResponseJSON)',
  })
export type PasskeyAnswer = z.output<typeof PasskeyAnswer>
