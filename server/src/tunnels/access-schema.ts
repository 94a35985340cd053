import { isIP } from 'node:net'
import { z } from 'zod'
import { VisitorPassword } from './config-schema.ts'

export const POLICIES = ['public', 'token', 'members', 'addresses', 'password'] as const

const addresses = z
  .array(z.string().max(64).refine(isCidr, 'must be an address or a CIDR range'))
  .max(200)

const WHO = {
  description:
    '`public`: anybody. `token`: holders of a token or a link. `members`: people of the account who sign in. `addresses`: from these. `password`: whoever knows it. Holders of a grant may always come.',
}

/** Who may visit. What is left out is as by default, but a password, which stays. */
export const PutTunnelAccess = z
  .strictObject({
    policy: z.enum(POLICIES).meta(WHO),
    addresses: addresses.default([]),
    password: VisitorPassword.optional().meta({
      description: 'Never shown again. Left out: the one that is set',
      writeOnly: true,
    }),
    hasPassword: z.boolean().optional(),
  })
  .refine(({ policy, addresses }) => policy !== 'addresses' || addresses.length > 0, {
    path: ['addresses'],
    message: 'the policy `addresses` needs at least one',
  })
  .meta({ id: 'PutTunnelAccess' })
export type PutTunnelAccess = z.output<typeof PutTunnelAccess>

export const TunnelAccess = z
  .strictObject({
    policy: z.enum(POLICIES).meta(WHO),
    addresses: z.array(z.string()),
    hasPassword: z.boolean(),
  })
  .meta({ id: 'TunnelAccess' })
export type TunnelAccess = z.output<typeof TunnelAccess>

function isCidr(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || address.includes('%') || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}
