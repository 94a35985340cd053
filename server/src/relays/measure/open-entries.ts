import type { UsageEntry } from '../control.ts'
import type { Usage } from './meter.ts'

/** The entries of a journal that may still grow, since they have not been sent. */
export class OpenEntries {
  readonly #byKey = new Map<string, UsageEntry>()
  #last = 0
  #closed = 0

  /** Adds to the entry of the same minute or hour, or begins one; one of an hour has the minute that it was begun in. */
  add(usage: Usage, span: 'minute' | 'hour'): { entry: UsageEntry; isNew: boolean } {
    const key = keyOf(usage, span)
    const open = this.#byKey.get(key)
    if (open) addTo(open, usage)
    const entry = open ?? { sequence: ++this.#last, ...usage }
    this.#byKey.set(key, entry)
    return { entry, isNew: !open }
  }

  /** Whether it has been sent, or tried. */
  isClosed({ sequence }: UsageEntry): boolean {
    return sequence <= this.#closed
  }

  /** Those up to this sequence stay as they are: they are being sent. */
  close(upTo: number): void {
    this.#closed = Math.max(this.#closed, upTo)
    for (const [key, { sequence }] of this.#byKey) if (sequence <= upTo) this.#byKey.delete(key)
  }
}

function keyOf({ tunnelId, endpointId, minute }: Usage, span: 'minute' | 'hour'): string {
  const time = span === 'hour' ? minute.slice(0, 'yyyy-mm-ddThh'.length) : minute
  return `${tunnelId} ${endpointId} ${time}`
}

function addTo(entry: UsageEntry, usage: Usage): void {
  entry.requests += usage.requests
  entry.failures += usage.failures
  entry.connections += usage.connections
  entry.bytesIn += usage.bytesIn
  entry.bytesOut += usage.bytesOut
  entry.latency = entry.latency.map((count, at) => count + usage.latency[at]!)
}
