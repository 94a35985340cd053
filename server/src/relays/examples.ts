import type { BeatFacts } from './relay-schema.ts'
import type { Relay } from './schema.ts'

export const ID = 'rel_06f3k9w2m4qz7x8y1v5t0r6n3b'
export const LINK_ID = 'lnk_06f3k9w2m4qz7x8y1v5t0r6n3b'
export const TUNNEL_ID = 'tun_06f3k9w2m4qz7x8y1v5t0r6n3b'
export const TIME = '2026-11-22T12:00:00.000Z'
export const FINGERPRINT = Array.from({ length: 32 }, () => 'A7').join(':')
export const publicKeys = [
  { kty: 'OKP', crv: 'Ed25519', kid: 'k1', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
]

export const configExample = { maxConnections: 10_000, maxLinks: 20_000 }

export const factsExample: BeatFacts = {
  ...{ version: '0.1.0', draining: false, links: 12, tunnels: 30, streams: 4, requests: 8_120 },
  ...{ failures: 2, bytesIn: 1_048_576, bytesOut: 73_400_320, cpu: 0.12, eventLoopDelayMs: 11 },
  ...{ memoryMib: 96, uptimeSeconds: 86_400, now: TIME },
}

export const relayExample: Relay = {
  ...{ id: ID, name: 'edge-1', provider: 'local', status: 'running', statusSince: TIME },
  ...{ healthStatus: 'healthy', url: 'http://127.0.0.1:8720', version: '0.1.0' },
  ...{ instanceId: 'ins_06f3k9w2m4qz7x8y1v5t0r6n3b', links: 12, tunnels: 30, connections: 4 },
  ...{ config: configExample, createdAt: TIME, startedAt: TIME, lastBeatAt: TIME },
}

export const lineExample = {
  ...{ sequence: 17, at: TIME, level: 'warn' as const, message: 'a link was lost' },
  fields: { link: LINK_ID },
}

export const scalingExample = {
  ...{ enabled: true, provider: 'local' as const, min: 1, max: 4, cpuHigh: 0.7, cpuLow: 0.2 },
  ...{ delayHighMs: 100, connectionsHigh: 0.8 },
  ...{ scaleOutCooldownSeconds: 60, scaleInCooldownSeconds: 600 },
}

export const redundancyExample = { relaysPerAgent: 2, minimumRelays: 2 }
export const writtenExample = { version: 2, updatedAt: TIME, updatedBy: null }
