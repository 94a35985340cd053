import { z } from 'zod'
import { PageQuery } from '#kernel/http/cursor.ts'
import { KINDS, TunnelName } from '../schema.ts'
import { states } from '../states.ts'
import { Suspension } from '../suspension-schema.ts'

/** What operators see of a tunnel: where it is and whose, and nothing of what its account keeps to itself. */
export const OverseenTunnel = z
  .strictObject({
    id: z.string().meta({ description: '`tun_…`' }),
    accountId: z.string(),
    createdByUserId: z.string().optional(),
    name: z.string(),
    kind: z.enum(KINDS),
    url: z.string(),
    domains: z.array(z.string()).meta({ description: 'Own domains that are proven' }),
    status: z.enum(states.names),
    statusSince: z.iso.datetime(),
    started: z.boolean(),
    links: z.int(),
    suspension: Suspension.optional(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'OverseenTunnel' })
export type OverseenTunnel = z.output<typeof OverseenTunnel>

export const OverseenQuery = PageQuery.extend({
  hostname: z
    .string()
    .toLowerCase()
    .max(253)
    .optional()
    .meta({ description: 'As visitors reach it: below the domain of tunnels, or an own domain' }),
  name: TunnelName.optional(),
  accountId: z.string().max(64).optional(),
  status: z.enum(states.names).optional(),
  suspended: z.enum(['true', 'false']).optional(),
})
export type OverseenQuery = z.output<typeof OverseenQuery>

export const SuspendTunnel = z
  .strictObject({
    reason: z
      .string()
      .trim()
      .min(3)
      .max(500)
      .meta({ description: 'Told to the account; visitors do not see it' }),
  })
  .meta({ id: 'SuspendTunnel' })
export type SuspendTunnel = z.output<typeof SuspendTunnel>
