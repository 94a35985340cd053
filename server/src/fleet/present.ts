import { type Instance, type JoinToken, type Node } from './schema.ts'
import type { Health } from './providers/provider.ts'
import type { InstanceRow, JoinTokenRow, NodeRow } from './tables.ts'

export function presentInstance(row: InstanceRow, node: NodeRow | undefined): Instance {
  const { id, provider, purpose, builtin, managed, status, spot, tags } = row
  return {
    ...{ id, provider, purpose, builtin, managed, status, spot, tags },
    launchTime: (row.launchedAt ?? row.createdAt).toISOString(),
    lastActivityTime: row.lastActivityAt.toISOString(),
    sessions: node && !node.goneAt ? node.sessions : 0,
    capacity: node && !node.goneAt ? node.capacity : 0,
    ...present('instanceId', row.providerId),
    ...present('region', row.region),
    ...present('instanceType', row.instanceType),
    ...present('publicDnsName', row.publicDnsName),
    ...present('publicIpAddress', row.publicIpAddress),
    ...present('privateIpAddress', row.privateIpAddress),
    ...present('healthStatus', healthOf(row, node) ?? null),
    ...present('errorMessage', row.errorMessage),
    ...present('assignedToUserId', row.assignedToUserId),
    ...present('terminateAfterIdleMinutes', row.terminateAfterIdleMinutes),
    ...present('endTime', row.endedAt?.toISOString() ?? null),
  }
}

/** The provider looks at the hardware, the beat at the node: what one of them finds ill is ill. */
export function healthOf(row: InstanceRow, node: NodeRow | undefined): Health | undefined {
  if (row.status === 'terminated') return undefined
  if (row.status === 'error' || row.providerHealth === 'unhealthy' || node?.goneAt) {
    return 'unhealthy'
  }
  return node ? 'healthy' : undefined
}

export function presentNode(row: NodeRow): Node {
  const { id, instanceId, version, capacity, sessions, isDiskFull: diskFull } = row
  const status = statusOf(row)
  return {
    ...{ id, instanceId, status, version, capacity, sessions, diskFull },
    free: status === 'ready' ? Math.max(0, capacity - sessions) : 0,
    joinedAt: row.joinedAt.toISOString(),
    lastBeatAt: row.lastBeatAt.toISOString(),
    ...present('drainReason', row.drainReason),
    ...present('url', row.url),
    ...present('fingerprint', row.fingerprint),
  }
}

export function statusOf({
  goneAt,
  leftAt,
  drainReason,
  isDraining,
}: Pick<NodeRow, 'goneAt' | 'leftAt' | 'drainReason' | 'isDraining'>): Node['status'] {
  if (goneAt) return leftAt ? 'left' : 'gone'
  return drainReason || isDraining ? 'draining' : 'ready'
}

export function presentToken(row: JoinTokenRow): JoinToken {
  const { id, name, multiUse } = row
  return {
    ...{ id, name, multiUse },
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    ...present('usedAt', row.usedAt?.toISOString() ?? null),
  }
}

function present(name: string, value: string | number | null) {
  return value === null ? {} : { [name]: value }
}
