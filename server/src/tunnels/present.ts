import type { TunnelAccess } from './access-schema.ts'
import { presentConfig } from './config-present.ts'
import type { TunnelEndpoint } from './endpoint-schema.ts'
import type { TunnelParts } from './parts.ts'
import type { Tunnel, TunnelMetrics } from './schema.ts'
import type { HealthCheck } from './spec.ts'
import { presentSuspension } from './suspension-schema.ts'
import type { TunnelEndpointRow, TunnelRow } from './tables.ts'

/** What stands beside the row of a tunnel. */
export interface Beside {
  permission: Tunnel['permission']
  /** Whether whoever asks may change the tunnel. */
  seesSecrets: boolean
  endpoints: readonly TunnelEndpointRow[]
  domains: readonly string[]
  links: number
  metrics: TunnelMetrics | undefined
}

const NOTHING: TunnelMetrics = { requests: 0, failures: 0, bytesIn: 0, bytesOut: 0 }

export function presentTunnel(
  parts: Pick<TunnelParts, 'domain' | 'urlOf'>,
  row: TunnelRow,
  { permission, seesSecrets, endpoints, domains, links, metrics }: Beside,
): Tunnel {
  const { id, accountId, name, kind, port, status, started } = row
  const suspension = presentSuspension(row)
  return {
    ...{ id, accountId, name, kind, status, started, permission, links },
    hostname: hostnameOf(parts, row),
    url: urlOfTunnel(parts, row),
    ...(port !== null && { port }),
    domains: [...domains],
    statusSince: row.statusSince.toISOString(),
    ...(row.errorMessage !== null && { errorMessage: row.errorMessage }),
    ...(suspension && { suspension }),
    config: presentConfig(row.config, seesSecrets),
    access: presentAccess(row.access),
    endpoints: endpoints.map(presentEndpoint),
    metrics: metrics ?? NOTHING,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  }
}

export function hostnameOf({ domain }: Pick<TunnelParts, 'domain'>, { name }: { name: string }) {
  return `${name}.${domain}`
}

/**
 * Where visitors reach it. Only browsers and curl lead a name below `localhost` to this machine; what dials a port seldom does, and does
 * not tell the name either.
 */
export function urlOfTunnel(
  parts: Pick<TunnelParts, 'domain' | 'urlOf'>,
  row: Pick<TunnelRow, 'name' | 'kind' | 'port'>,
): string {
  const hostname = hostnameOf(parts, row)
  if (row.kind === 'http') return parts.urlOf(hostname)
  return `tcp://${hostname.endsWith('.localhost') ? 'localhost' : hostname}:${row.port}`
}

export function presentAccess({ policy, addresses, passwordHash }: TunnelRow['access']) {
  const hasPassword = passwordHash !== undefined
  return { policy, addresses: [...addresses], hasPassword } satisfies TunnelAccess
}

export function presentEndpoint(row: TunnelEndpointRow): TunnelEndpoint {
  const { id, url, agent, priority, weight, healthCheck, healthStatus } = row
  return {
    ...{ id, url, agent, priority, weight, healthStatus },
    ...(healthCheck && { healthCheck: { ...healthCheck } satisfies HealthCheck }),
    ...(row.healthMessage !== null && { healthMessage: row.healthMessage }),
    ...(row.lastHealthCheck && { lastHealthCheck: row.lastHealthCheck.toISOString() }),
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  }
}
