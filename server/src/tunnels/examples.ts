import type { Tunnel } from './schema.ts'

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
