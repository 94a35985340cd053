import { z } from 'zod'
import { Reply, route } from '#kernel/http/route.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import { exampleUser } from '../examples.ts'
import { User } from '../schema.ts'
import { avatarProblems } from './problems.ts'
import { MAX_AVATAR_BYTES, readAvatar, removeAvatar, setAvatar } from './service.ts'

const OWN = { signedIn: 'everybody chooses their own picture' }
/** The file in base64, and what is around it. */
const BODY_LIMIT = Math.ceil(MAX_AVATAR_BYTES / 3) * 4 + 1024
const EXAMPLE_ID = 'c2hvd24tb25jZS1pbi1hLW1haWwtYW5kLW5vd2hlcmU'
const isBase64 = (text: string) =>
  text.length % 4 === 0 && !/[^A-Za-z0-9+/=]/.test(text) && !/=[^=]|===/.test(text)

const SetAvatar = z
  .strictObject({
    base64: z
      .string()
      .min(1)
      .refine(isBase64, 'must be base64')
      .meta({ contentEncoding: 'base64', description: 'The file; at most 5 MiB' }),
  })
  .meta({ id: 'SetAvatar' })

/**
 * The address of a picture is its credential: 256 random bits, told to those only who may see the user. So pages can show it without
 * a header, and nobody finds it by trying.
 */
const SHOWN = {
  'cache-control': 'private, max-age=86400, immutable',
  'content-security-policy': "default-src 'none'; sandbox",
  'content-disposition': 'inline; filename="avatar.webp"',
  'cross-origin-resource-policy': 'same-origin',
}

export function avatarRoutes(store: () => ObjectStore) {
  const { notAPicture, tooManyPixels, tooLarge, busy, unavailable } = avatarProblems
  return [
    route({
      method: 'PUT',
      path: '/v1/users/me/avatar',
      summary: 'Set your picture',
      description:
        'A JPEG, PNG, WebP, AVIF or GIF (its first frame) of at most 5 MiB and 36 megapixels. What is kept is a square of 512 pixels, ' +
        'cut from the middle, without what the file told beside its pixels.',
      access: OWN,
      body: SetAvatar,
      bodyLimit: BODY_LIMIT,
      returns: User,
      problems: [notAPicture, tooManyPixels, tooLarge, busy, unavailable],
      examples: {
        body: { base64: 'iVBORw0KGgo=' },
        reply: { ...exampleUser, avatarUrl: `/api/v1/avatars/${EXAMPLE_ID}` },
      },
      handler: (ctx, { body }) => setAvatar(ctx, store(), Buffer.from(body.base64, 'base64')),
    }),
    route({
      method: 'DELETE',
      path: '/v1/users/me/avatar',
      summary: 'Remove your picture',
      access: OWN,
      status: 204,
      handler: (ctx) => removeAvatar(ctx, store()),
    }),
    route({
      method: 'GET',
      path: '/v1/avatars/:id',
      summary: 'Show the picture of a user',
      description: 'At the address that `avatarUrl` tells; gone once there is a newer one.',
      access: { public: 'the address cannot be guessed, and is told to those who see the user' },
      params: z.strictObject({ id: z.string().regex(/^[A-Za-z0-9_-]{43}$/) }),
      alsoReturns: ['image/webp'],
      problems: [avatarProblems.notFound],
      examples: { params: { id: EXAMPLE_ID } },
      handler: async (ctx, { params, request }) => {
        const { stream, sha256, bytes } = await readAvatar(ctx, store(), params.id)
        const etag = sha256 && `"${sha256}"`
        if (etag && request.headers['if-none-match'] === etag) {
          stream.destroy()
          return new Reply(undefined, { status: 304, headers: { ...SHOWN, etag } })
        }
        const headers = { ...SHOWN, ...(etag && { etag }), 'content-length': String(bytes) }
        return Reply.content(stream, 'image/webp', headers)
      },
    }),
  ]
}
