import type { TunnelDomain } from './domain-schema.ts'
import type { HistoryEntry } from './history.ts'
import type { Tunnel } from './schema.ts'
import type { SharedTunnel, TunnelShare } from './share-schema.ts'
import type { TunnelStatus } from './status-report.ts'

export const ID = 'tun_06f3k9w2m4qz7x8y1v5t0r6n3b'
export const ENDPOINT_ID = 'tep_06f3k9w2m4qz7x8y1v5t0r6n3b'
const RUN_ID = 'tar_06f3k9w2m4qz7x8y1v5t0r6n3b'
const AT = '2026-11-20T12:00:00.000Z'

export const endpointExample: Tunnel['endpoints'][number] = {
  ...{ id: ENDPOINT_ID, url: 'http://127.0.0.1:3000', agent: 'laptop', priority: 0, weight: 1 },
  ...{ healthStatus: 'healthy', lastHealthCheck: AT, createdAt: AT, updatedAt: AT },
}

export const configExample: Tunnel['config'] = {
  ...{ maxConnections: 100, timeoutSeconds: 60, idleTimeoutSeconds: 300, compression: false },
  ...{ queueSeconds: 5, hostHeader: 'preserve' },
  requestHeaders: { set: {}, remove: [] },
  responseHeaders: { set: {}, remove: [] },
  inspector: { enabled: false, bodyBytes: 4096 },
}

export const tunnelExample: Tunnel = {
  ...{ id: ID, accountId: 'acc_06f3k9w2m4qz7x8y1v5t0r6n3b', name: 'shop', kind: 'http' },
  ...{ hostname: 'shop.tunnels.example.com', url: 'https://shop.tunnels.example.com' },
  ...{ domains: [], status: 'connected', statusSince: AT, started: true, links: 2 },
  config: configExample,
  access: { policy: 'public', addresses: [], hasPassword: false },
  endpoints: [endpointExample],
  metrics: { requests: 1200, failures: 3, bytesIn: 240_000, bytesOut: 18_000_000 },
  ...{ permission: 'own', createdAt: AT, updatedAt: AT },
}

export const newExample: Tunnel = {
  ...tunnelExample,
  ...{ status: 'created', links: 0, endpoints: [] },
  metrics: { requests: 0, failures: 0, bytesIn: 0, bytesOut: 0 },
}

export const runExample = {
  runId: RUN_ID,
  ticket: 'eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIn0.eyJhdWQiOiJyZWxheSJ9.c2lnbmF0dXJl',
  relays: [{ id: 'rly_06f3k9w2m4qz7x8y1v5t0r6n3b', url: 'https://relay.example.com' }],
  tunnels: [
    {
      ...{ id: ID, name: 'shop', url: tunnelExample.url, epoch: 1 },
      endpoints: [{ id: ENDPOINT_ID, url: endpointExample.url }],
    },
  ],
  refused: [],
}

export const SHARE_ID = 'tsh_06f3k9w2m4qz7x8y1v5t0r6n3b'
export const DOMAIN_ID = 'tdm_06f3k9w2m4qz7x8y1v5t0r6n3b'

export const shareExample: TunnelShare = {
  ...{ id: SHARE_ID, kind: 'user', permission: 'read', email: 'bob@example.com' },
  ...{ expired: false, createdBy: 'usr_06f3k9w2m4qz7x8y1v5t0r6n3b', createdAt: AT },
}

export const sharedExample: SharedTunnel = {
  ...{ id: ID, accountId: tunnelExample.accountId, name: 'shop', kind: 'http' },
  ...{ hostname: tunnelExample.hostname, url: tunnelExample.url, status: 'connected' },
  ...{ shareId: SHARE_ID, permission: 'read', sharedAt: AT },
}

export const domainExample: TunnelDomain = {
  ...{ id: DOMAIN_ID, hostname: 'shop.example.com', status: 'pending' },
  record: {
    ...{ type: 'TXT', name: '_gantry.shop.example.com' },
    value: 'gantry-verify=Zm9yIHRoZSBleGFtcGxlIG9ubHk',
  },
  ...{ expiresAt: '2026-11-27T12:00:00.000Z', createdAt: AT },
}

export const statusExample: TunnelStatus = {
  ...{ id: ID, status: 'connected', statusSince: AT, started: true },
  agents: [
    {
      ...{ label: 'laptop', runId: RUN_ID, epoch: 1, version: '0.1.0', host: 'anns-laptop' },
      ...{ ipAddress: '203.0.113.7', heldSince: AT },
      links: [{ relayId: 'rly_06f3k9w2m4qz7x8y1v5t0r6n3b', openedAt: AT }],
    },
  ],
  endpoints: [endpointExample],
}

export const historyExample: HistoryEntry = {
  ...{ id: 'evt_06f3k9w2m4qz7x8y1v5t0r6n3b', at: AT, event: 'tunnel.disconnected' },
  data: { id: ID, name: 'shop', reason: 'link_lost' },
}
