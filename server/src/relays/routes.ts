import { z } from 'zod'
import { pageOf } from '#kernel/http/cursor.ts'
import { type AnyRoute, Reply, route } from '#kernel/http/route.ts'
import { drainRelay, startAgain, startRelay, stopRelay, undrainRelay } from './changes.ts'
import { putConfig, showConfig } from './config.ts'
import { relayDiagnostics, relayHealth } from './diagnostics.ts'
import {
  configExample,
  factsExample,
  ID,
  lineExample,
  redundancyExample,
  relayExample,
  scalingExample,
  TIME,
  writtenExample,
} from './examples.ts'
import { readLines } from './log-lines.ts'
import { relayMetrics, relayUsage } from './measures.ts'
import type { RelaysParts, Running } from './parts.ts'
import { presentRelay, presentStatus, proxyStatus, stoppable } from './present.ts'
import { problems } from './problems.ts'
import { getRelay, listRelays } from './relays.ts'
import {
  CreateRelay,
  DrainQuery,
  LogsQuery,
  MetricsQuery,
  ProxyStatus,
  PutRedundancy,
  PutRelayConfig,
  PutScaling,
  Redundancy,
  Relay,
  RelayConfig,
  RelayDiagnostics,
  RelayHealth,
  RelayId,
  RelayLogs,
  RelayMetrics,
  RelayQuery,
  RelayStatus,
  RelayUsage,
  Scaling,
  StartProxy,
  StopProxy,
} from './schema.ts'
import { putSettings, showSettings } from './settings.ts'

const params = z.strictObject({ id: RelayId })
const READ = 'relays.read'
const WRITE = 'relays.write'

/** What operators call. */
export function relayRoutes(running: Running): AnyRoute[] {
  return [
    ...proxyRoutes(running),
    ...settingsRoutes,
    ...changeRoutes(running),
    ...readRoutes(running),
    ...configRoutes(running),
  ]
}

const accepted = (relay: Relay) =>
  Reply.json(relay, { status: 202, headers: { location: `/api/v1/relays/${relay.id}` } })

const starting = { ...relayExample, status: 'starting' as const, healthStatus: 'unknown' as const }
const stopping = { ...relayExample, status: 'draining' as const, drainReason: 'stopping' as const }

/** Makes the answer to a start again, for a key that was sent before. */
const idempotent = {
  resourceId: (reply: unknown) => (reply as Relay).id,
  replay: async (ctx: Parameters<typeof getRelay>[0], id: string) =>
    accepted(presentRelay(await getRelay(ctx, id))),
}

function proxyRoutes(running: Running): AnyRoute[] {
  return [
    route({
      ...{ method: 'POST', path: '/v1/proxy/start', access: WRITE, status: 202 },
      summary: 'Start a relay: a new one, or one that was stopped',
      description: 'It takes links once its status is `running`.',
      body: StartProxy,
      bodyOptional: true,
      returns: Relay,
      problems: [problems.notFound, problems.notOurs, problems.noProvider],
      examples: { body: { provider: 'local', name: 'edge-1' }, reply: starting },
      idempotent,
      handler: async (ctx, { body: { relayId, ...wanted } }) =>
        accepted(
          presentRelay(
            relayId
              ? await startAgain(ctx, running(), relayId)
              : await startRelay(ctx, running(), wanted),
          ),
        ),
    }),
    route({
      ...{ method: 'POST', path: '/v1/proxy/stop', access: WRITE, status: 202 },
      summary: 'Stop a relay; its agents go to others first',
      description:
        'What is under way ends first, for 5 minutes at most; with `drain: false` it is cut.',
      body: StopProxy,
      bodyOptional: true,
      returns: Relay,
      problems: [problems.notFound, problems.ambiguous],
      examples: { body: { relayId: ID }, reply: stopping },
      handler: async (ctx, { body: { relayId, drain } }) => {
        const id = relayId ?? (await theOne(ctx))
        return accepted(presentRelay(await stopRelay(ctx, running(), id, { drain })))
      },
    }),
    route({
      ...{ method: 'GET', path: '/v1/proxy/status', access: READ },
      summary: 'Show how the relays are together',
      returns: ProxyStatus,
      examples: {
        reply: {
          ...{ status: 'running', links: 12, tunnels: 30, connections: 4 },
          relays: { starting: 0, running: 2, draining: 0, error: 0 },
        },
      },
      handler: (ctx) => proxyStatus(ctx),
    }),
  ]
}

/** @throws problem `relay.ambiguous` unless there is one */
async function theOne(ctx: Parameters<typeof getRelay>[0]): Promise<string> {
  const rows = await stoppable(ctx)
  if (rows.length !== 1) throw problems.ambiguous({ count: rows.length })
  return rows[0]!.id
}

function changeRoutes(running: Running): AnyRoute[] {
  return [
    route({
      ...{ method: 'POST', path: '/v1/relays', access: WRITE, status: 202 },
      summary: 'Start a new relay',
      body: CreateRelay,
      bodyOptional: true,
      returns: Relay,
      problems: [problems.noProvider],
      examples: { body: { provider: 'ec2' }, reply: starting },
      idempotent,
      handler: async (ctx, { body }) =>
        accepted(presentRelay(await startRelay(ctx, running(), body))),
    }),
    route({
      ...{ method: 'DELETE', path: '/v1/relays/:id', access: WRITE, status: 202, params },
      summary: 'End a relay, and the machine that it was started on',
      query: DrainQuery,
      returns: Relay,
      problems: [problems.notFound, problems.builtin],
      examples: { params: { id: ID }, reply: stopping },
      handler: async (ctx, { params: { id }, query }) => {
        if ((await getRelay(ctx, id)).provider === 'builtin') throw problems.builtin({ id })
        return accepted(presentRelay(await stopRelay(ctx, running(), id, query)))
      },
    }),
    route({
      ...{ method: 'POST', path: '/v1/relays/:id/drain', access: WRITE, params },
      summary: 'Let a relay take no new links; what is under way goes on',
      description:
        'Its agents are told first and go to other relays. It stays until it is stopped.',
      returns: Relay,
      problems: [problems.notFound, problems.wrongState],
      examples: { params: { id: ID }, reply: { ...stopping, drainReason: 'asked' } },
      handler: async (ctx, { params }) =>
        presentRelay(await drainRelay(ctx, running(), params.id, 'asked')),
    }),
    route({
      ...{ method: 'DELETE', path: '/v1/relays/:id/drain', access: WRITE, params },
      summary: 'Let a relay take links again, and stay if it was to end',
      returns: Relay,
      problems: [problems.notFound, problems.wrongState],
      examples: { params: { id: ID }, reply: relayExample },
      handler: async (ctx, { params }) =>
        presentRelay(await undrainRelay(ctx, running(), params.id)),
    }),
  ]
}

function readRoutes(running: Running): AnyRoute[] {
  return [
    route({
      ...{ method: 'GET', path: '/v1/relays', access: READ },
      summary: 'List the relays, the newest first; those that were stopped too',
      query: RelayQuery,
      returns: pageOf(Relay),
      examples: {
        query: { status: 'running', limit: 20 },
        reply: { items: [relayExample], nextCursor: null },
      },
      handler: async (ctx, { query }) => {
        const { items, nextCursor } = await listRelays(ctx, query)
        return { items: items.map(presentRelay), nextCursor }
      },
    }),
    route({
      ...{ method: 'GET', path: '/v1/relays/:id', access: READ, params },
      summary: 'Show a relay',
      returns: Relay,
      problems: [problems.notFound],
      examples: { params: { id: ID }, reply: relayExample },
      handler: async (ctx, { params }) => presentRelay(await getRelay(ctx, params.id)),
    }),
    route({
      ...{ method: 'GET', path: '/v1/relays/:id/status', access: READ, params },
      summary: 'Show what a relay told with its last beat',
      returns: RelayStatus,
      problems: [problems.notFound],
      examples: {
        params: { id: ID },
        reply: {
          ...{ id: ID, status: 'running', statusSince: TIME, healthStatus: 'healthy' },
          ...{ lastBeatAt: TIME, secondsSinceBeat: 1.4, facts: factsExample },
        },
      },
      handler: async (ctx, { params }) => presentStatus(ctx, await getRelay(ctx, params.id)),
    }),
    ...measureRoutes,
    ...checkRoutes(running),
  ]
}

const measureRoutes: AnyRoute[] = [
  route({
    ...{ method: 'GET', path: '/v1/relays/:id/metrics', access: READ, params },
    summary: 'Show a relay’s measures, minute by minute',
    query: MetricsQuery,
    returns: RelayMetrics,
    problems: [problems.notFound],
    examples: {
      params: { id: ID },
      query: { minutes: 60 },
      reply: {
        id: ID,
        items: [
          {
            ...{ minute: TIME, cpu: 0.12, eventLoopDelayMs: 11, memoryMib: 96, links: 12 },
            ...{ tunnels: 30, connections: 4, requests: 812, failures: 0 },
            ...{ bytesIn: 1_048_576, bytesOut: 73_400_320 },
          },
        ],
      },
    },
    handler: (ctx, { params, query }) => relayMetrics(ctx, params.id, query.minutes),
  }),
  route({
    ...{ method: 'GET', path: '/v1/relays/:id/usage', access: READ, params },
    summary: 'Show what a relay has carried',
    description: 'By its beats, for operators; what tunnels are billed by is counted apart.',
    query: MetricsQuery,
    returns: RelayUsage,
    problems: [problems.notFound],
    examples: {
      params: { id: ID },
      query: { minutes: 1_440 },
      reply: {
        ...{ id: ID, from: '2026-11-21T12:00:00.000Z', to: TIME, requests: 81_200 },
        ...{ failures: 2, bytesIn: 1_048_576, bytesOut: 73_400_320 },
      },
    },
    handler: (ctx, { params, query }) => relayUsage(ctx, params.id, query.minutes),
  }),
  route({
    ...{ method: 'GET', path: '/v1/relays/:id/logs', access: READ, params },
    summary: 'Show the last lines of a relay’s log, the newest last',
    description: 'The newest 500 are kept, also of a relay that is gone. They hold no secrets.',
    query: LogsQuery,
    returns: RelayLogs,
    problems: [problems.notFound],
    examples: {
      params: { id: ID },
      query: { limit: 100 },
      reply: { id: ID, items: [lineExample] },
    },
    handler: async (ctx, { params: { id }, query }) => {
      await getRelay(ctx, id)
      return { id, items: await readLines(ctx, id, query.limit) }
    },
  }),
]

const checks = [
  {
    ...{ check: 'event loop', status: 'warning' as const },
    ...{ detail: 'its event loop is up to 340 ms late', cure: 'Start one more relay.' },
  },
]

function checkRoutes(running: Running): AnyRoute[] {
  return [
    route({
      ...{ method: 'GET', path: '/v1/relays/:id/health', access: READ, params },
      summary: 'Show how a relay is, check by check',
      returns: RelayHealth,
      problems: [problems.notFound],
      examples: { params: { id: ID }, reply: { id: ID, healthStatus: 'healthy', checks } },
      handler: (ctx, { params }) => relayHealth(ctx, running().version, params.id),
    }),
    route({
      ...{ method: 'GET', path: '/v1/relays/:id/diagnostics', access: READ, params },
      summary: 'Find out what is wrong with a relay, and what to do about it',
      description: 'Asks the relay now; one that does not answer within 5 s is not reached.',
      returns: RelayDiagnostics,
      problems: [problems.notFound],
      examples: {
        params: { id: ID },
        reply: { id: ID, healthStatus: 'healthy', checkedAt: TIME, checks, lines: [lineExample] },
      },
      handler: (ctx, { params }) => relayDiagnostics(ctx, running(), params.id),
    }),
  ]
}

function configRoutes(running: () => Pick<RelaysParts, 'doorbell'>): AnyRoute[] {
  return [
    route({
      ...{ method: 'GET', path: '/v1/relays/:id/config', access: READ, params },
      summary: 'Show the configuration of a relay',
      returns: RelayConfig,
      problems: [problems.notFound],
      examples: { params: { id: ID }, reply: configExample },
      handler: (ctx, { params }) => showConfig(ctx, params.id),
    }),
    route({
      ...{ method: 'PUT', path: '/v1/relays/:id/config', access: WRITE, params },
      summary: 'Change the configuration of a relay',
      description: 'It holds within a second; what is open stays open.',
      body: PutRelayConfig,
      returns: RelayConfig,
      problems: [problems.notFound],
      examples: { params: { id: ID }, body: configExample, reply: configExample },
      handler: (ctx, { params, body }) => putConfig(ctx, running(), params.id, body),
    }),
  ]
}

/** Before those of one relay: `scaling` is no id. */
const settingsRoutes: AnyRoute[] = [
  route({
    ...{ method: 'GET', path: '/v1/relays/scaling', access: READ },
    summary: 'Show by what rules relays are started and drained',
    returns: Scaling,
    examples: { reply: { ...scalingExample, ...writtenExample } },
    handler: (ctx) => showSettings(ctx, 'scaling'),
  }),
  route({
    ...{ method: 'PUT', path: '/v1/relays/scaling', access: WRITE },
    summary: 'Change by what rules relays are started and drained',
    description: 'With `version`, the change is refused when somebody else was faster.',
    body: PutScaling,
    returns: Scaling,
    problems: [problems.settingsChanged],
    examples: { body: scalingExample, reply: { ...scalingExample, ...writtenExample } },
    handler: (ctx, { body }) => putSettings(ctx, 'scaling', body),
  }),
  route({
    ...{ method: 'GET', path: '/v1/relays/redundancy', access: READ },
    summary: 'Show how many relays there are to be, and for each agent',
    returns: Redundancy,
    examples: { reply: { ...redundancyExample, ...writtenExample } },
    handler: (ctx) => showSettings(ctx, 'redundancy'),
  }),
  route({
    ...{ method: 'PUT', path: '/v1/relays/redundancy', access: WRITE },
    summary: 'Change how many relays there are to be, and for each agent',
    body: PutRedundancy,
    returns: Redundancy,
    problems: [problems.settingsChanged],
    examples: { body: redundancyExample, reply: { ...redundancyExample, ...writtenExample } },
    handler: (ctx, { body }) => putSettings(ctx, 'redundancy', body),
  }),
]
