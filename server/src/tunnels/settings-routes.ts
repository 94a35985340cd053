import { type AnyRoute, route } from '#kernel/http/route.ts'
import { PutTunnelAccess, TunnelAccess } from './access-schema.ts'
import { PutTunnelConfig, ShownTunnelConfig } from './config-schema.ts'
import { configExample, ID } from './examples.ts'
import type { Running } from './parts.ts'
import { problems } from './problems.ts'
import { getTunnel } from './read.ts'
import { TunnelParams as params } from './schema.ts'
import { putAccess, putConfig } from './update.ts'

const accessExample = { policy: 'members', addresses: [], hasPassword: false } as const

/** How a tunnel serves, and whom. */
export function settingsRoutes(running: Running): AnyRoute[] {
  return [
    route({
      ...{ method: 'GET', path: '/v1/tunnels/:id/config', access: 'tunnels.read', params },
      summary: 'Show the configuration of a tunnel',
      returns: ShownTunnelConfig,
      problems: [problems.notFound],
      examples: { params: { id: ID }, reply: configExample },
      handler: async (ctx, { params }) => (await getTunnel(ctx, running(), params.id)).config,
    }),
    route({
      ...{ method: 'PUT', path: '/v1/tunnels/:id/config', access: 'tunnels.write', params },
      summary: 'Replace the configuration of a tunnel',
      description:
        'It holds at once, also for open links. What GET has given can be written back: a password that is not sent stays.',
      body: PutTunnelConfig,
      returns: ShownTunnelConfig,
      problems: [
        problems.notFound,
        problems.passwordMissing,
        problems.valueRedacted,
        problems.busy,
        problems.unfit,
      ],
      examples: {
        params: { id: ID },
        body: { maxConnections: 20, basicAuth: { username: 'ann', password: 'plum-harbour' } },
        reply: {
          ...{ ...configExample, maxConnections: 20 },
          basicAuth: { username: 'ann', hasPassword: true },
        },
      },
      handler: async (ctx, { params, body }) =>
        (await putConfig(ctx, running(), params.id, body)).config,
    }),
    route({
      ...{ method: 'GET', path: '/v1/tunnels/:id/access', access: 'tunnels.read', params },
      summary: 'Show who may visit a tunnel',
      returns: TunnelAccess,
      problems: [problems.notFound],
      examples: { params: { id: ID }, reply: accessExample },
      handler: async (ctx, { params }) => (await getTunnel(ctx, running(), params.id)).access,
    }),
    route({
      ...{ method: 'PUT', path: '/v1/tunnels/:id/access', access: 'tunnels.write', params },
      summary: 'Say who may visit a tunnel',
      description:
        'It holds at once: whoever is in by the earlier policy is cut off, and has to ask again.',
      body: PutTunnelAccess,
      returns: TunnelAccess,
      problems: [
        problems.notFound,
        problems.passwordMissing,
        problems.busy,
        problems.ownerOnly,
        problems.unfit,
      ],
      examples: { params: { id: ID }, body: { policy: 'members' }, reply: accessExample },
      handler: async (ctx, { params, body }) =>
        (await putAccess(ctx, running(), params.id, body)).access,
    }),
  ]
}
