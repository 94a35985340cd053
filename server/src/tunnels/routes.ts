import { pageOf } from '#kernel/http/cursor.ts'
import { type AnyRoute, Reply, route } from '#kernel/http/route.ts'
import { createTunnel } from './create.ts'
import { ID, newExample, tunnelExample } from './examples.ts'
import { deleteTunnel } from './life.ts'
import type { Running } from './parts.ts'
import { problems } from './problems.ts'
import { getTunnel, listTunnels } from './read.ts'
import {
  CreateTunnel,
  PatchTunnel,
  PutTunnel,
  Tunnel,
  TunnelParams,
  TunnelQuery,
} from './schema.ts'
import { patchTunnel, putTunnel } from './update.ts'

const params = TunnelParams
const changing = [
  ...[problems.notFound, problems.passwordMissing, problems.valueRedacted],
  ...[problems.busy, problems.ownerOnly, problems.unfit],
]

export function tunnelRoutes(running: Running): AnyRoute[] {
  const made = (tunnel: Tunnel) =>
    Reply.json(tunnel, { status: 201, headers: { location: `/api/v1/tunnels/${tunnel.id}` } })
  return [
    route({
      ...{ method: 'POST', path: '/v1/tunnels', access: 'tunnels.write', status: 201 },
      summary: 'Create a tunnel',
      description:
        'Its address is there at once; it leads somewhere once an agent holds it open: `gantry tunnel http 3000 --name shop`.',
      body: CreateTunnel,
      bodyOptional: true,
      returns: Tunnel,
      problems: [
        ...[problems.nameTaken, problems.nameReserved, problems.namesExhausted],
        ...[problems.limitReached, problems.tcpLimitReached],
        ...[problems.portsExhausted, problems.kindMismatch, problems.valueRedacted],
        ...[problems.endpointExists, problems.passwordMissing, problems.unfit],
      ],
      examples: { body: { name: 'shop' }, reply: newExample },
      idempotent: {
        resourceId: (reply) => (reply as Tunnel).id,
        replay: async (ctx, id) => made(await getTunnel(ctx, running(), id)),
      },
      handler: async (ctx, { body }) => made(await createTunnel(ctx, running(), body)),
    }),
    route({
      ...{ method: 'GET', path: '/v1/tunnels', access: 'tunnels.read' },
      summary: 'List the tunnels of the account, the newest first',
      query: TunnelQuery,
      returns: pageOf(Tunnel),
      examples: {
        query: { status: 'connected', limit: 20 },
        reply: { items: [tunnelExample], nextCursor: null },
      },
      handler: (ctx, { query }) => listTunnels(ctx, running(), query),
    }),
    route({
      ...{ method: 'GET', path: '/v1/tunnels/:id', access: 'tunnels.read', params },
      summary: 'Show a tunnel',
      returns: Tunnel,
      problems: [problems.notFound],
      examples: { params: { id: ID }, reply: tunnelExample },
      handler: (ctx, { params }) => getTunnel(ctx, running(), params.id),
    }),
    route({
      ...{ method: 'PUT', path: '/v1/tunnels/:id', access: 'tunnels.write', params },
      summary: 'Write a tunnel back as it was read, with another configuration or access',
      description:
        'A tunnel keeps its name, its kind and its port. Endpoints and domains have routes of their own.',
      body: PutTunnel,
      returns: Tunnel,
      problems: [...changing, problems.fixed],
      examples: {
        params: { id: ID },
        body: { config: { compression: true } },
        reply: tunnelExample,
      },
      handler: (ctx, { params, body }) => putTunnel(ctx, running(), params.id, body),
    }),
    route({
      ...{ method: 'PATCH', path: '/v1/tunnels/:id', access: 'tunnels.write', params },
      summary: 'Change some of a tunnel’s configuration, or its access',
      body: PatchTunnel,
      returns: Tunnel,
      problems: changing,
      examples: {
        params: { id: ID },
        body: { config: { maxConnections: 20 } },
        reply: tunnelExample,
      },
      handler: (ctx, { params, body }) => patchTunnel(ctx, running(), params.id, body),
    }),
    route({
      ...{ method: 'DELETE', path: '/v1/tunnels/:id', access: 'tunnels.write', params },
      summary: 'Delete a tunnel; its name stays with the account',
      problems: [problems.notFound, problems.suspended],
      examples: { params: { id: ID } },
      handler: (ctx, { params }) => deleteTunnel(ctx, running(), params.id),
    }),
  ]
}
