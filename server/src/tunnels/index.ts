import { defineCapability } from '#kernel/capability.ts'
import { agentRoutes } from './agent-routes.ts'
import { published } from './events.ts'
import { giveUpConnecting } from './jobs.ts'
import type { Running } from './parts.ts'
import { problems } from './problems.ts'
import { tunnelRoutes } from './routes.ts'
import { endVisits } from './visit-end.ts'
import { visitRoutes } from './visit-routes.ts'
import { namesPerAccount, tunnelsPerAccount } from './settings.ts'

export { type EndpointHealth, noteHealth } from './health.ts'
export {
  closeLink,
  closeLinksOf,
  type NewTunnelLink,
  type OpenedTunnelLink,
  openLink,
} from './links.ts'
export type { Starter, TunnelParts } from './parts.ts'
export { problems as tunnelProblems } from './problems.ts'
export { findOwn, findReadable } from './read.ts'
export type { TunnelMetrics } from './schema.ts'
export { type Changes, changedSince, findTunnel, type FoundTunnel, specsOf } from './specs.ts'
export type {
  AccessGrant,
  AccessSpec,
  EndpointSpec,
  HeaderRules,
  HealthCheck,
  TunnelConfig,
  TunnelSpec,
} from './spec.ts'

/** Public hostnames that lead to a customer's machine. */
export function tunnels(running: Running) {
  return defineCapability({
    name: 'tunnels',
    summary: 'Public hostnames that lead to a customer’s machine',
    permissions: {
      'tunnels.read': 'List and show tunnels, their measures and their requests',
      'tunnels.write': 'Create, change, start, stop, share and delete tunnels, and hold them open',
    },
    routes: [...tunnelRoutes(running), ...agentRoutes(running), ...visitRoutes(running)],
    jobs: [giveUpConnecting],
    reacts: [endVisits(running)],
    publishes: published,
    problems,
    settings: [tunnelsPerAccount, namesPerAccount],
  })
}
