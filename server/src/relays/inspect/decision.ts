import type { BreakerState } from '../balance/breaker.ts'
import type { Failure } from '../balance/retry.ts'

/** What was decided for one request, WebSocket or TCP connection, and what became of it. Written once, when it has ended. */
export interface Decision {
  /** `req_…`; also in the header `Gantry-Request-Id` of the answer. */
  id: string
  tunnelId: string
  kind: 'request' | 'socket' | 'tcp'
  /** When it came and when it had ended, in ms since 1970. */
  startedAtMs: number
  endedAtMs: number
  /** Of a request or socket; the path with its query. */
  method?: string
  host?: string
  path?: string
  visitor: string
  /** The relay that the visitor has reached, when it is not the one that decided. */
  forwardedBy?: string
  relayId: string
  endpointId?: string
  agent?: string
  linkId?: string
  /** The grant that let it in. */
  grantId?: string
  /** The limit that it waited for, or that refused it. */
  limit?: string
  queuedMs: number
  /** Of the endpoint when it was chosen. */
  breaker?: BreakerState
  /** Tries before the last one. */
  retries: readonly Retry[]
  /** From the choice until the service was reached, where a connection was made for it. */
  connectMs?: number
  /** From its coming to the first byte of the answer, and to its end. */
  firstByteMs?: number
  totalMs: number
  bytesIn: number
  bytesOut: number
  /** What the visitor has got; none of TCP, or when the visitor left before. */
  status?: number
  /** `answered`, `visitor_left`, `cut` (within the answer), or the code of the problem that was answered. */
  outcome: string
  /** The request that this one repeats. */
  replayOf?: string
}

export interface Retry {
  endpointId: string
  failure: Failure
  detail?: string
}
