import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * What the processes that open a relay need of it, beside the traffic that it carries: class `Relay` is this. Whatever the control plane
 * wants of it, such as to drain, it hears by its own `watch`.
 */
export interface RunningRelay extends AsyncDisposable {
  /** Links that are open, and those whose `openLink` is under way: what a beat names. */
  linkIds(): string[]
  /** Closes links that the books do not have any more; their agents come again. */
  dropLinks(linkIds: readonly string[]): void
  readonly facts: RelayCounts
  /** Agents are told first and no new stream is taken; resolves once the last one has ended, or the signal aborts. */
  drain(signal: AbortSignal): Promise<void>
  /** Whether a request is for a tunnel or a link, by its Host and path: then nobody else may answer it. */
  isFor(request: IncomingMessage): boolean
  request(request: IncomingMessage, response: ServerResponse): void
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

/** What a relay tells of itself: what it holds now, and sums since it was opened. */
export interface RelayCounts {
  draining: boolean
  links: number
  /** Tunnels that it has a link of. */
  tunnels: number
  /** Requests, WebSockets and TCP connections that are under way. */
  streams: number
  requests: number
  /** Of `requests`: answered with 5xx, or not at all. */
  failures: number
  bytesIn: number
  bytesOut: number
}
