import assert from 'node:assert/strict'
import type { RelayControl, UsageEntry } from '../control.ts'
import { BUCKETS } from './histogram.ts'
import type { Usage } from './meter.ts'

/** So many requests of a tunnel, in one minute. */
export function usageOf(requests: number, tunnelId = 'tun_a'): Usage {
  const latency = Array.from({ length: BUCKETS }, (_, at) => (at === 0 ? requests : 0))
  const bytes = { bytesIn: requests * 10, bytesOut: requests * 100 }
  const minute = '2026-11-20T12:00:00.000Z'
  return { tunnelId, minute, requests, failures: 0, connections: 0, ...bytes, latency }
}

/** Takes entries as the control plane does: each sequence of a journal once. */
export class Receiver implements Pick<RelayControl, 'reportUsage'> {
  readonly taken = new Map<string, UsageEntry>()
  isAway = false
  /** It takes, and its answer does not arrive. */
  losesAnswers = false
  calls = 0

  async reportUsage(journal: string, entries: readonly UsageEntry[]): Promise<{ upTo: number }> {
    this.calls++
    if (this.isAway) throw new Error('the control plane is away')
    for (const entry of entries) {
      const key = `${journal} ${entry.sequence}`
      const before = this.taken.get(key)
      if (before) assert.deepEqual(entry, before, 'what was sent once never changes')
      else this.taken.set(key, structuredClone(entry))
    }
    if (this.losesAnswers) throw new Error('the answer was lost')
    return { upTo: entries.at(-1)!.sequence }
  }

  /** Requests, of all tunnels. */
  total(): number {
    return this.taken.values().reduce((sum, { requests }) => sum + requests, 0)
  }
}
