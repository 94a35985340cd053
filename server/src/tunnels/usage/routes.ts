import { type AnyRoute, route } from '#kernel/http/route.ts'
import { TunnelDiagnostics } from '../diagnostics/schema.ts'
import { diagnose } from '../diagnostics/diagnose.ts'
import type { Running } from '../parts.ts'
import { problems } from '../problems.ts'
import { TunnelParams } from '../schema.ts'
import {
  diagnosticsExample,
  ID,
  metricsExample,
  REQUEST_ID,
  requestExample,
  usageExample,
} from './examples.ts'
import { getMetrics } from './metrics.ts'
import { MetricsQuery, TunnelMetricsReport } from './metrics-schema.ts'
import { usageProblems } from './problems.ts'
import {
  Replayed,
  ReplayRequest,
  RequestParams,
  RequestsQuery,
  TunnelRequest,
  TunnelRequests,
} from './request-schema.ts'
import { getRequest, listRequests, replayRequest } from './requests.ts'
import { TunnelUsage, TunnelUsageQuery, usageOfTunnel } from './tunnel-usage.ts'

const reading = { access: 'tunnels.read', params: TunnelParams } as const
const ofOne = { params: { id: ID, requestId: REQUEST_ID } }

/** What a tunnel has carried, how it does, and what is wrong with it. */
export function measureRoutes(running: Running): AnyRoute[] {
  return [...figureRoutes(running), ...requestRoutes(running)]
}

function figureRoutes(running: Running): AnyRoute[] {
  return [
    route({
      ...{ ...reading, method: 'GET', path: '/v1/tunnels/:id/metrics' },
      summary: 'Show what a tunnel carried, by steps and endpoints, and how it does now',
      description: 'Figures are a second or two old; `live` is asked of relays at once.',
      query: MetricsQuery,
      returns: TunnelMetricsReport,
      problems: [problems.notFound, usageProblems.wrongSpan],
      examples: { params: { id: ID }, query: { step: 300 }, reply: metricsExample },
      handler: (ctx, { params, query }) => getMetrics(ctx, running(), params.id, query),
    }),
    route({
      ...{ ...reading, method: 'GET', path: '/v1/tunnels/:id/usage' },
      summary: 'Show what a tunnel carried in each calendar month',
      query: TunnelUsageQuery,
      returns: TunnelUsage,
      problems: [problems.notFound],
      examples: { params: { id: ID }, query: { months: 1 }, reply: usageExample },
      handler: (ctx, { params, query }) => usageOfTunnel(ctx, running(), params.id, query),
    }),
    route({
      ...{ ...reading, method: 'GET', path: '/v1/tunnels/:id/diagnostics' },
      summary: 'Check each hop of a tunnel, say what is wrong and how to fix it',
      returns: TunnelDiagnostics,
      problems: [problems.notFound],
      examples: { params: { id: ID }, reply: diagnosticsExample },
      handler: (ctx, { params }) => diagnose(ctx, running(), params.id),
    }),
  ]
}

function requestRoutes(running: Running): AnyRoute[] {
  return [
    route({
      ...{ ...reading, method: 'GET', path: '/v1/tunnels/:id/requests' },
      summary: 'List the last requests of a tunnel, the newest first',
      description:
        'Why each went where it went. Relays keep the last hundred or so in memory, until they are restarted.',
      query: RequestsQuery,
      returns: TunnelRequests,
      problems: [problems.notFound],
      examples: {
        ...{ params: { id: ID }, query: { limit: 20 } },
        reply: { items: [requestExample], nextCursor: null, silentRelays: [] },
      },
      handler: (ctx, { params, query }) => listRequests(ctx, running(), params.id, query),
    }),
    route({
      ...{ method: 'GET', path: '/v1/tunnels/:id/requests/:requestId', access: 'tunnels.read' },
      summary: 'Show one of the last requests, with headers and bodies while the inspector is on',
      params: RequestParams,
      returns: TunnelRequest,
      problems: [
        ...[problems.notFound, usageProblems.requestGone],
        ...[usageProblems.requestPrivate, usageProblems.relaySilent],
      ],
      examples: { ...ofOne, reply: requestExample },
      handler: (ctx, { params }) => getRequest(ctx, running(), params),
    }),
    route({
      ...{ method: 'POST', path: '/v1/tunnels/:id/requests/:requestId/replay', status: 201 },
      summary: 'Make one of the last requests once more',
      description:
        'It passes everything that a visitor’s request passes. The inspector must have been on when it came.',
      access: 'tunnels.write',
      params: RequestParams,
      body: ReplayRequest,
      bodyOptional: true,
      returns: Replayed,
      problems: [
        ...[problems.notFound, usageProblems.requestGone],
        ...[usageProblems.notReplayable, usageProblems.relaySilent],
        usageProblems.replayUnsure,
      ],
      examples: { ...ofOne, body: { withoutSecrets: true }, reply: { requestId: REQUEST_ID } },
      handler: (ctx, { params, body }) => replayRequest(ctx, running(), params, body),
    }),
  ]
}
