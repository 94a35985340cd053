import { domainToASCII } from 'node:url'
import { z } from 'zod'

const HOSTNAME =
  /^(?=.{4,240}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$/

export const ClaimDomain = z
  .strictObject({
    hostname: z
      .string()
      .max(253)
      .transform((text) => domainToASCII(text.trim().replace(/\.$/, '')).toLowerCase())
      .refine((name) => HOSTNAME.test(name), 'must be a host name such as shop.example.com')
      .meta({ description: 'In any script; no wildcard' }),
  })
  .meta({ id: 'ClaimTunnelDomain' })
export type ClaimDomain = z.output<typeof ClaimDomain>

export const TunnelDomain = z
  .strictObject({
    id: z.string().meta({ description: '`tdm_…`' }),
    hostname: z.string(),
    status: z.enum(['pending', 'verified']),
    record: z
      .strictObject({ type: z.literal('TXT'), name: z.string(), value: z.string() })
      .meta({ description: 'To be added to the DNS, and to stay there' }),
    verifiedAt: z.iso.datetime().optional(),
    lastCheckedAt: z.iso.datetime().optional(),
    lastError: z.string().optional(),
    expiresAt: z.iso
      .datetime()
      .optional()
      .meta({ description: 'Of a claim that is not proven: it is then forgotten' }),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'TunnelDomain' })
export type TunnelDomain = z.output<typeof TunnelDomain>
