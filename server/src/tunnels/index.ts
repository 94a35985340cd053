import { defineCapability } from '#kernel/capability.ts'
import { usageEvents } from './usage/events.ts'
import { judgeNewTier, usageJobs } from './usage/jobs.ts'
import { BYTES_QUOTA, bytesUsed } from './usage/quota.ts'
import { usageSettings } from './usage/settings.ts'

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
export { MOST_ENTRIES, UsageEntry } from './usage/entry.ts'
export type { LatencyBounds } from './usage/latency.ts'
export type {
  LiveFigures,
  RelaySeen,
  RequestDecision,
  SeenBody,
  SeenRequest,
  TunnelRelays,
  WholeRequest,
} from './usage/relayed.ts'
export { monthOf } from './usage/period.ts'
export { takeUsage } from './usage/take.ts'
export {
  lastMonths,
  TunnelCounts,
  tunnelReport,
  type TunnelReportPlace,
  tunnelUsage,
} from './usage/totals.ts'

/** Public hostnames that lead to a customer's machine. */
export const tunnels = defineCapability({
  name: 'tunnels',
  summary: 'Public hostnames that lead to a customer’s machine',
  permissions: {
    'tunnels.read': 'List and show tunnels, their measures and their requests',
    'tunnels.write': 'Create, change, start, stop, share and delete tunnels, and hold them open',
  },
  quotas: {
    [BYTES_QUOTA]: {
      unit: 'bytes',
      what: 'Bytes that tunnels carry in a calendar month',
      of: bytesUsed,
    },
  },
  jobs: usageJobs,
  reacts: [judgeNewTier],
  publishes: usageEvents,
  settings: usageSettings,
})
