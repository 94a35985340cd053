import { z } from 'zod'
import { PageQuery } from '#kernel/http/cursor.ts'
import { PutTunnelAccess, TunnelAccess } from './access-schema.ts'
import { PatchTunnelConfig, PutTunnelConfig, ShownTunnelConfig } from './config-schema.ts'
import { NewEndpoint, TunnelEndpoint } from './endpoint-schema.ts'
import { states } from './states.ts'
import { Suspension } from './suspension-schema.ts'

export const TunnelName = z
  .string()
  .toLowerCase()
  .regex(
    /^[a-z0-9]([a-z0-9-]{1,61}[a-z0-9])$/,
    'must be 3 to 63 letters, digits and hyphens, with no hyphen at an end',
  )

export const TunnelParams = z.strictObject({ id: z.string().max(64) })

export const KINDS = ['http', 'tcp'] as const
export const MOST_ENDPOINTS = 32

export const CreateTunnel = z
  .strictObject({
    name: TunnelName.optional().meta({
      description:
        'Below the domain of tunnels: `shop` is at `shop.…`. It stays with the account for ever. One is made up unless given',
    }),
    kind: z.enum(KINDS).default('http'),
    config: PatchTunnelConfig.default({}),
    access: PutTunnelAccess.optional().meta({ description: 'Public unless given' }),
    endpoints: z.array(NewEndpoint).max(MOST_ENDPOINTS).default([]),
  })
  .meta({ id: 'CreateTunnel' })
export type CreateTunnel = z.output<typeof CreateTunnel>

/** What an account may do with a tunnel: its own everything, others what was shared with them. */
export const PERMISSIONS = ['own', 'manage', 'read', 'use'] as const
export type Permission = (typeof PERMISSIONS)[number]

export const Tunnel = z
  .strictObject({
    id: z.string().meta({ description: '`tun_…`' }),
    accountId: z.string(),
    name: z.string(),
    kind: z.enum(KINDS),
    hostname: z.string().meta({ description: 'Below the domain of tunnels' }),
    url: z.string().meta({
      description:
        '`https://shop.…`; of a TCP tunnel `tcp://host:port`, where `host` is `localhost` for names below that',
    }),
    port: z.int().optional().meta({ description: 'Of a TCP tunnel' }),
    domains: z.array(z.string()).meta({ description: 'Own domains that are proven' }),
    status: z.enum(states.names),
    statusSince: z.iso.datetime(),
    errorMessage: z.string().optional(),
    started: z.boolean().meta({ description: 'False from a stop to the next start' }),
    suspension: Suspension.optional(),
    links: z.int().meta({ description: 'Links of agents to relays that are open now' }),
    config: ShownTunnelConfig,
    access: TunnelAccess,
    endpoints: z.array(TunnelEndpoint),
    metrics: z
      .strictObject({
        requests: z.int(),
        failures: z.int(),
        bytesIn: z.int(),
        bytesOut: z.int(),
      })
      .meta({ description: 'Of the last 24 hours' }),
    permission: z.enum(['own', 'manage', 'read']),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Tunnel' })
export type Tunnel = z.output<typeof Tunnel>
export type TunnelMetrics = Tunnel['metrics']

export const TunnelQuery = PageQuery.extend({
  status: z.enum(states.names).optional(),
  kind: z.enum(KINDS).optional(),
  name: TunnelName.optional(),
})
export type TunnelQuery = z.output<typeof TunnelQuery>

/** All of a `Tunnel` may be written back; what cannot change must be as it is. */
export const PutTunnel = Tunnel.partial()
  .extend({
    config: PutTunnelConfig,
    access: PutTunnelAccess.optional(),
  })
  .meta({ id: 'PutTunnel' })
export type PutTunnel = z.output<typeof PutTunnel>

export const PatchTunnel = z
  .strictObject({
    config: PatchTunnelConfig.optional(),
    access: PutTunnelAccess.optional(),
  })
  .meta({ id: 'PatchTunnel' })
export type PatchTunnel = z.output<typeof PatchTunnel>
