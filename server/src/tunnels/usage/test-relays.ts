import type { TestApp } from '#test/app.ts'
import type { TunnelParts } from '../parts.ts'
import type { RelaySeen, TunnelCalls } from './relayed.ts'
import type { TunnelRequest } from './request-schema.ts'

/** Relays in processes of their own, as the control plane reaches them. */
export class TestRelays {
  /** By their ids. */
  readonly #relays = new Map<string, { seen: RelaySeen; calls: Partial<TunnelCalls> }>()

  constructor({ app }: TestApp, outside: TunnelParts['outside'] = nowhere) {
    const relayCalls: TunnelParts['relayCalls'] = {
      seen: async () => [...this.#relays.values()].map(({ seen }) => seen),
      callsTo: async (_ctx, id) => ({ ...KNOWS_NOTHING, ...this.#relays.get(id)?.calls }),
    }
    Object.assign(app.tunnelParts, { relayCalls, outside })
  }

  add(relayId: string, calls: Partial<TunnelCalls> = {}, seen: Partial<RelaySeen> = {}): void {
    const known = { relayId, name: relayId, status: 'running', healthy: true }
    this.#relays.set(relayId, { seen: { ...known, ...seen }, calls })
  }

  clear(): void {
    this.#relays.clear()
  }
}

const KNOWS_NOTHING: TunnelCalls = {
  requests: async () => ({ requests: [] }),
  request: async () => undefined,
  replay: async () => ({ refused: 'gone', detail: 'It is not among the last requests any more.' }),
  live: async () => ({}),
}

const nowhere: TunnelParts['outside'] = {
  resolve: async () => [],
  certificateFault: async () => undefined,
}

/** Answered well, at this time. */
export function seenRequest(
  given: { id: string; endedAtMs: number } & Partial<TunnelRequest>,
): TunnelRequest {
  return {
    ...{ kind: 'request', startedAtMs: given.endedAtMs - 5, method: 'GET', path: '/' },
    ...{ visitor: '203.0.113.7', status: 200, outcome: 'answered', relayId: 'rly_1' },
    ...{ queuedMs: 0, retries: [], totalMs: 5, bytesIn: 0, bytesOut: 10 },
    ...given,
  }
}
