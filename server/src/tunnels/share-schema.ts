import { z } from 'zod'
import { KINDS, PERMISSIONS } from './schema.ts'
import { states } from './states.ts'

export const SharePermission = z.enum(PERMISSIONS).exclude(['own']).meta({
  description:
    '`use`: visit. `read`: see its settings, measures, history and last requests too. `manage`: change, start, stop and hold it open too',
})

const label = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[ -~\u00a0-\uffff]*$/)
  .optional()
  .meta({ description: 'What you call it' })

const expiry = {
  expiresInSeconds: z
    .int()
    .min(60)
    .max(31_536_000)
    .optional()
    .meta({ description: 'From now on; for ever unless given' }),
}

export const CreateShare = z
  .discriminatedUnion('kind', [
    z
      .strictObject({
        kind: z.literal('user'),
        email: z.string().max(254).optional().meta({
          description: 'Counts for whoever proves it, also later',
        }),
        userId: z.string().max(64).optional(),
        permission: SharePermission.default('use'),
        ...{ label, ...expiry },
      })
      .refine(({ email, userId }) => (email === undefined) !== (userId === undefined), {
        path: ['email'],
        message: 'give either `email` or `userId`',
      }),
    z.strictObject({
      kind: z.literal('account'),
      accountId: z.string().max(64),
      permission: SharePermission.default('use'),
      ...{ label, ...expiry },
    }),
    z.strictObject({ kind: z.literal('token'), label, ...expiry }),
    z.strictObject({
      kind: z.literal('link'),
      label,
      expiresInSeconds: expiry.expiresInSeconds.unwrap().default(604_800).meta({
        description: 'From now on; a week unless given',
      }),
    }),
  ])
  .meta({ id: 'CreateTunnelShare' })
export type CreateShare = z.output<typeof CreateShare>

export const TunnelShare = z
  .strictObject({
    id: z.string().meta({ description: '`tsh_…`' }),
    kind: z.enum(['user', 'account', 'token', 'link']),
    permission: SharePermission,
    userId: z.string().optional(),
    email: z.string().optional(),
    accountId: z.string().optional(),
    label: z.string().optional(),
    expiresAt: z.iso.datetime().optional(),
    expired: z.boolean(),
    createdBy: z.string(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'TunnelShare' })
export type TunnelShare = z.output<typeof TunnelShare>

export const NewTunnelShare = TunnelShare.extend({
  token: z.string().optional().meta({
    description: 'Of the kind `token`, shown this once: visitors send it in `Gantry-Tunnel-Token`',
  }),
  url: z.string().optional().meta({
    description: 'Of the kind `link`, shown this once: whoever opens it is let in',
  }),
}).meta({ id: 'NewTunnelShare' })
export type NewTunnelShare = z.output<typeof NewTunnelShare>

/** A tunnel of others, as far as everybody may see it with whom it was shared. */
export const SharedTunnel = z
  .strictObject({
    id: z.string(),
    accountId: z.string().meta({ description: 'Whose it is' }),
    name: z.string(),
    kind: z.enum(KINDS),
    hostname: z.string(),
    url: z.string(),
    status: z.enum(states.names),
    shareId: z.string(),
    permission: SharePermission,
    sharedAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'SharedTunnel' })
export type SharedTunnel = z.output<typeof SharedTunnel>
