import { pageOf } from '#kernel/http/cursor.ts'
import { type AnyRoute, route } from '#kernel/http/route.ts'
import { ID, tunnelExample } from '../examples.ts'
import type { Running } from '../parts.ts'
import { problems } from '../problems.ts'
import { TunnelParams as params } from '../schema.ts'
import { listOverseen } from './list.ts'
import { OverseenQuery, OverseenTunnel, SuspendTunnel } from './schema.ts'
import { liftSuspension, suspendTunnel } from './suspension.ts'

const { accountId, name, kind, url, statusSince, createdAt } = tunnelExample
const example: OverseenTunnel = {
  ...{ id: ID, accountId, name, kind, url, domains: [], status: 'connected', statusSince },
  ...{ started: true, links: 2, createdAt },
}
const reason = 'Phishing: it imitates the sign-in of a bank.'
const suspendedExample: OverseenTunnel = {
  ...{ ...example, status: 'disconnected', links: 0 },
  suspension: { at: statusSince, reason },
}
const at = '/v1/admin/tunnels/:id/suspension'

/** For operators: which tunnels there are, and which of them may not serve. */
export function oversightRoutes(running: Running): AnyRoute[] {
  return [
    route({
      ...{ method: 'GET', path: '/v1/admin/tunnels', access: 'moderation.read' },
      summary: 'List the tunnels of all accounts, the newest first',
      description: 'With `hostname`, the one that visitors reach there.',
      query: OverseenQuery,
      returns: pageOf(OverseenTunnel),
      examples: {
        query: { limit: 20, suspended: 'false' },
        reply: { items: [example], nextCursor: null },
      },
      handler: (ctx, { query }) => listOverseen(ctx, running(), query),
    }),
    route({
      ...{ method: 'PUT', path: at, access: 'moderation.write', params },
      summary: 'Suspend a tunnel: it serves nobody until the suspension is lifted',
      description:
        'What is under way is cut. Its account sees the reason, and can neither start nor delete it.',
      body: SuspendTunnel,
      returns: OverseenTunnel,
      problems: [problems.notFound, problems.wrongState],
      examples: { params: { id: ID }, body: { reason }, reply: suspendedExample },
      handler: (ctx, { params, body }) => suspendTunnel(ctx, running(), params.id, body),
    }),
    route({
      ...{ method: 'DELETE', path: at, access: 'moderation.write', params },
      summary: 'Lift the suspension of a tunnel: it is as its account has it',
      returns: OverseenTunnel,
      problems: [problems.notFound, problems.wrongState],
      examples: { params: { id: ID }, reply: example },
      handler: (ctx, { params }) => liftSuspension(ctx, running(), params.id),
    }),
  ]
}
