import { pageOf, PageQuery } from '#kernel/http/cursor.ts'
import { type AnyRoute, route } from '#kernel/http/route.ts'
import { historyExample, ID, statusExample, tunnelExample } from './examples.ts'
import { HistoryEntry, showHistory } from './history.ts'
import { startTunnel, stopTunnel } from './life.ts'
import type { Running } from './parts.ts'
import { problems } from './problems.ts'
import { Tunnel, TunnelParams as params } from './schema.ts'
import { showStatus, TunnelStatus } from './status-report.ts'

/** How a tunnel is, was, and is to be. */
export function lifeRoutes(running: Running): AnyRoute[] {
  return [
    route({
      ...{ method: 'POST', path: '/v1/tunnels/:id/start', access: 'tunnels.write', params },
      summary: 'Let agents hold a tunnel open again',
      returns: Tunnel,
      problems: [problems.notFound, problems.wrongState, problems.suspended],
      examples: { params: { id: ID }, reply: { ...tunnelExample, status: 'disconnected' } },
      handler: (ctx, { params }) => startTunnel(ctx, running(), params.id),
    }),
    route({
      ...{ method: 'POST', path: '/v1/tunnels/:id/stop', access: 'tunnels.write', params },
      summary: 'Stop a tunnel: it serves nobody until it is started',
      returns: Tunnel,
      problems: [problems.notFound, problems.wrongState],
      examples: {
        params: { id: ID },
        reply: { ...tunnelExample, status: 'disconnected', started: false, links: 0 },
      },
      handler: (ctx, { params }) => stopTunnel(ctx, running(), params.id),
    }),
    route({
      ...{ method: 'GET', path: '/v1/tunnels/:id/status', access: 'tunnels.read', params },
      summary: 'Show who holds a tunnel open now, and how its endpoints are',
      returns: TunnelStatus,
      problems: [problems.notFound],
      examples: { params: { id: ID }, reply: statusExample },
      handler: (ctx, { params }) => showStatus(ctx, running(), params.id),
    }),
    route({
      ...{ method: 'GET', path: '/v1/tunnels/:id/history', access: 'tunnels.read', params },
      summary: 'List what happened to a tunnel, the newest first',
      query: PageQuery,
      returns: pageOf(HistoryEntry),
      problems: [problems.notFound],
      examples: {
        ...{ params: { id: ID }, query: { limit: 20 } },
        reply: { items: [historyExample], nextCursor: null },
      },
      handler: (ctx, { params, query }) => showHistory(ctx, running(), params.id, query),
    }),
  ]
}
