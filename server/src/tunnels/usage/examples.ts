import { ENDPOINT_ID, ID } from '../examples.ts'

export { ID }
export const REQUEST_ID = 'req_06f3k9w2m4qz7x8y1v5t0r6n3b'
const RELAY_ID = 'rly_06f3k9w2m4qz7x8y1v5t0r6n3b'

const counts = {
  ...{ requests: 1_200, failures: 3, successRate: 0.9975, connections: 14 },
  ...{ bytesIn: 240_000, bytesOut: 18_000_000 },
}
const figures = { ...counts, latencyMs: { p50: 14.2, p95: 88.1, p99: 240 } }

export const metricsExample = {
  ...{ tunnelId: ID, from: '2026-11-20T11:00:00.000Z', to: '2026-11-20T12:00:00.000Z' },
  stepSeconds: 300,
  live: { links: 2, inUse: 3, waiting: 0, silentRelays: [] },
  total: figures,
  points: [{ at: '2026-11-20T11:55:00.000Z', ...figures }],
  endpoints: [{ endpointId: ENDPOINT_ID, url: 'http://127.0.0.1:3000', ...figures }],
}

export const usageExample = {
  tunnelId: ID,
  periods: [
    {
      ...{ period: '2026-11', from: '2026-11-01T00:00:00.000Z', to: '2026-12-01T00:00:00.000Z' },
      ...counts,
    },
  ],
}

export const requestExample = {
  ...{ id: REQUEST_ID, kind: 'request' as const, startedAtMs: 1_795_000_000_000 },
  ...{ endedAtMs: 1_795_000_000_018, method: 'GET', host: 'shop.tunnels.example.com' },
  ...{ path: '/cart?item=7', visitor: '203.0.113.7', status: 200, outcome: 'answered' },
  ...{ relayId: RELAY_ID, endpointId: ENDPOINT_ID, agent: 'laptop', queuedMs: 0 },
  ...{ breaker: 'closed', retries: [], firstByteMs: 14, totalMs: 18, bytesIn: 0, bytesOut: 5120 },
}

export const diagnosticsExample = {
  ...{ tunnelId: ID, status: 'failed' as const, at: '2026-11-20T12:00:00.000Z' },
  summary: 'No agent holds the tunnel open.',
  checks: [
    { name: 'started' as const, status: 'ok' as const, detail: 'The tunnel is started.' },
    {
      ...{ name: 'agent' as const, status: 'failed' as const },
      detail: 'No agent holds the tunnel open.',
      fix: 'Run `gantry tunnel http 3000 --name shop` where the service is.',
    },
  ],
}
