import { defineCapability } from '#kernel/capability.ts'
import { agentRoutes } from './agent-routes.ts'
import { published } from './events.ts'
import { domainRoutes } from './domain-routes.ts'
import { endpointRoutes } from './endpoint-routes.ts'
import { tunnelJobs } from './jobs.ts'
import { lifeRoutes } from './life-routes.ts'
import { tunnelReaders } from './readers.ts'
import { tunnelRecords } from './records.ts'
import { settingsRoutes } from './settings-routes.ts'
import { shareRoutes } from './share-routes.ts'
import type { Running } from './parts.ts'
import { oversightRoutes } from './oversight/routes.ts'
import { domainsThere, portsTaken, tunnelsThere } from './plan-limits.ts'
import { problems } from './problems.ts'
import { tunnelRoutes } from './routes.ts'
import { visitRoutes } from './visit-routes.ts'
import { tunnelSettings } from './settings.ts'
import { usageEvents } from './usage/events.ts'
import { judgeNewTier, usageJobs } from './usage/jobs.ts'
import { usageProblems } from './usage/problems.ts'
import { measureRoutes } from './usage/routes.ts'
import { BYTES_QUOTA, bytesUsed } from './usage/quota.ts'
import { usageSettings } from './usage/settings.ts'

export { type EndpointHealth, noteHealth } from './health.ts'
export {
  closeLink,
  closeLinksOf,
  linksInBooks,
  type NewTunnelLink,
  type OpenedTunnelLink,
  openLink,
} from './links.ts'
export type { Starter, TunnelParts } from './parts.ts'
export { notePorts, type PortReport } from './port-reports.ts'
export { problems as tunnelProblems } from './problems.ts'
export { findOwn, findReadable } from './read.ts'
export type { TunnelMetrics } from './schema.ts'
export {
  type Changes,
  changedSince,
  findTunnel,
  type FoundTunnel,
  specsOf,
  takenPorts,
} from './specs.ts'
export type {
  AccessGrant,
  AccessSpec,
  Blocked,
  EndpointSpec,
  HeaderRules,
  HealthCheck,
  TunnelConfig,
  TunnelSpec,
} from './spec.ts'
export { mayUse, type TunnelUser, tunnelsToUse, type UsableTunnel } from './use.ts'
export { MOST_ENTRIES, UsageEntry } from './usage/entry.ts'
export type { LatencyBounds } from './usage/latency.ts'
export type { RelaySeen, TunnelCalls, TunnelRelays } from './usage/relayed.ts'
export { monthOf } from './usage/period.ts'
export { takeUsage, type TrafficCounts } from './usage/take.ts'
export { tunnelsByStatus } from './read.ts'
export {
  lastMonths,
  TunnelCounts,
  tunnelReport,
  type TunnelReportPlace,
  tunnelUsage,
} from './usage/totals.ts'

/** Public hostnames that lead to a customer's machine. */
export function tunnels(running: Running) {
  return defineCapability({
    name: 'tunnels',
    summary: 'Public hostnames that lead to a customer’s machine',
    permissions: {
      'tunnels.read': 'List and show tunnels, their measures and their requests',
      'tunnels.write': 'Create, change, start, stop, share and delete tunnels, and hold them open',
      'moderation.read': 'List the tunnels of all accounts',
      'moderation.write': 'Suspend tunnels of any account, and lift that',
    },
    routes: [
      ...[...tunnelRoutes(running), ...lifeRoutes(running), ...settingsRoutes(running)],
      ...[...endpointRoutes(running), ...shareRoutes(running), ...domainRoutes(running)],
      ...[...agentRoutes(running), ...measureRoutes(running), ...visitRoutes(running)],
      ...oversightRoutes(running),
    ],
    quotas: {
      'tunnels.existing': {
        unit: 'tunnels',
        what: 'Tunnels that there are at once',
        of: tunnelsThere,
      },
      'tunnels.tcp': {
        unit: 'tunnels',
        what: 'TCP tunnels that there are at once, each with a port of its own',
        of: portsTaken,
      },
      'tunnels.domains': {
        unit: 'domains',
        what: 'Own domains that are claimed for tunnels',
        of: domainsThere,
      },
      [BYTES_QUOTA]: {
        unit: 'bytes',
        what: 'Bytes that tunnels carry in a calendar month',
        of: bytesUsed,
      },
    },
    jobs: [...tunnelJobs(running), ...usageJobs(running)],
    reacts: [...tunnelReaders(running), judgeNewTier],
    personal: tunnelRecords(running),
    publishes: [...published, ...usageEvents],
    problems: { ...problems, ...usageProblems },
    settings: [...tunnelSettings, ...usageSettings],
  })
}
