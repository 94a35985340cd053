import type { Instance, Node, Pool } from './schema.ts'

/** What the API document shows. */
export const ID = 'ins_06f3k9w2m4qz7x8y1v5t0r6n3b'
export const NODE_ID = 'nod_06f3k9w2m4qz7x8y1v5t0r6n3b'
const AT = '2026-11-20T12:00:00.000Z'

export const instanceExample = {
  id: ID,
  instanceId: 'i-0c913f355f22c8836',
  provider: 'ec2',
  purpose: 'manual',
  builtin: false,
  managed: true,
  region: 'eu-central-1',
  status: 'running',
  privateIpAddress: '10.0.4.17',
  launchTime: AT,
  lastActivityTime: AT,
  instanceType: 'c7i.xlarge',
  spot: false,
  tags: { team: 'search' },
  healthStatus: 'healthy',
  sessions: 3,
  capacity: 20,
} satisfies Instance

export const nodeExample = {
  id: NODE_ID,
  instanceId: ID,
  status: 'ready',
  url: 'https://10.0.4.17:8701',
  fingerprint: Array.from({ length: 32 }, () => 'A7').join(':'),
  version: '0.1.0',
  capacity: 20,
  sessions: 3,
  free: 17,
  diskFull: false,
  joinedAt: AT,
  lastBeatAt: AT,
} satisfies Node

export const statusExample = {
  ...{ id: ID, instanceId: 'i-0c913f355f22c8836', status: 'running' as const },
  ...{ healthStatus: 'healthy' as const, providerStatus: 'running', checkedAt: AT },
  node: nodeExample,
}

export const settingsExample = {
  ...{ provider: 'ec2' as const, min: 1, max: 10, spare: 1, spot: true, queueSeconds: 5 },
  ...{ scaleOutCooldownSeconds: 60, scaleInCooldownSeconds: 300, idleMinutes: 10, bootMinutes: 10 },
}

export const poolExample = {
  ...settingsExample,
  ...{ version: 4, updatedAt: AT, updatedBy: 'usr_06f3k9w2m4qz7x8y1v5t0r6n3b' },
  machines: { provisioning: 1, ready: 3, draining: 0, unhealthy: 0, stopping: 0 },
} satisfies Pool

export const tokenExample = {
  ...{ id: 'jtk_06f3k9w2m4qz7x8y1v5t0r6n3b', name: 'rack 4', multiUse: false, createdAt: AT },
  expiresAt: '2026-11-20T13:00:00.000Z',
}

export const TOKEN = 'join_kq3ZQv7xv9C1u5h2Y0sW8tNfRb4mJdLpAeGzXcVnUoM'
