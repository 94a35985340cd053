import { z } from 'zod'
import { pageOf, PageQuery } from '#kernel/http/cursor.ts'
import { type AnyRoute, Reply, route } from '#kernel/http/route.ts'
import { ID, SHARE_ID, sharedExample, shareExample } from './examples.ts'
import type { Running } from './parts.ts'
import { problems } from './problems.ts'
import { TunnelParams } from './schema.ts'
import { CreateShare, NewTunnelShare, SharedTunnel, TunnelShare } from './share-schema.ts'
import { listShared } from './shared.ts'
import { listShares, revokeShare, shareTunnel } from './shares.ts'

const path = '/v1/tunnels/:id/shares'
const params = TunnelParams.extend({ shareId: z.string().max(64) })

/** Who else may visit, see or manage a tunnel. */
export function shareRoutes(running: Running): AnyRoute[] {
  return [
    route({
      ...{ method: 'GET', path, access: 'tunnels.read', params: TunnelParams },
      summary: 'List with whom a tunnel is shared, the newest first',
      returns: z.strictObject({ items: z.array(TunnelShare) }),
      problems: [problems.notFound],
      examples: { params: { id: ID }, reply: { items: [shareExample] } },
      handler: async (ctx, { params }) => ({ items: await listShares(ctx, params.id) }),
    }),
    route({
      ...{ method: 'POST', path, access: 'tunnels.write', params: TunnelParams, status: 201 },
      summary: 'Share a tunnel with somebody, or make a token or a link that lets visitors in',
      description: 'The secret of a token or a link is in this answer and nowhere else.',
      body: CreateShare,
      returns: NewTunnelShare,
      problems: [
        ...[problems.notFound, problems.shareExists],
        ...[problems.tooManyShares, problems.granteeUnknown, problems.unfit],
      ],
      examples: {
        params: { id: ID },
        body: { kind: 'user', email: 'bob@example.com', permission: 'read' },
        reply: shareExample,
      },
      handler: async (ctx, { params, body }) =>
        Reply.json(await shareTunnel(ctx, running(), params.id, body), { status: 201 }),
    }),
    route({
      ...{ method: 'DELETE', path: `${path}/:shareId`, access: 'tunnels.write', params },
      summary: 'Take a share back; what it has let in is cut off',
      problems: [problems.notFound, problems.shareNotFound],
      examples: { params: { id: ID, shareId: SHARE_ID } },
      handler: (ctx, { params }) => revokeShare(ctx, running(), params.id, params.shareId),
    }),
    route({
      ...{ method: 'GET', path: '/v1/shared-tunnels', access: 'tunnels.read' },
      summary: 'List the tunnels that others have shared with you or your account',
      query: PageQuery,
      returns: pageOf(SharedTunnel),
      examples: { query: { limit: 20 }, reply: { items: [sharedExample], nextCursor: null } },
      handler: (ctx, { query }) => listShared(ctx, running(), query),
    }),
  ]
}
