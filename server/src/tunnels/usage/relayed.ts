import type { Context } from '#kernel/context.ts'

/**
 * What tunnels ask of the relays that carry them. Each call asks all relays that may know, gives each 2 s, and answers with what came:
 * a relay that is silent is left out.
 */
export interface TunnelRelays {
  /** Every relay that has not ended, as its judge sees it. */
  relays(ctx: Context): Promise<RelaySeen[]>
  /** What each relay that has traffic or a link of the tunnel counts right now. */
  live(ctx: Context, tunnelId: string): Promise<LiveFigures[]>
  /** The last requests that the inspector keeps, the newest first, at most `limit`. */
  requests(ctx: Context, tunnelId: string, limit: number): Promise<SeenRequest[]>
  /** One of them whole; undefined when no relay keeps it any more. */
  request(ctx: Context, tunnelId: string, requestId: string): Promise<WholeRequest | undefined>
  /** Sends it again to the service, through the relay that keeps it; undefined when none does. @throws Problem when it cannot be sent again */
  replay(ctx: Context, tunnelId: string, requestId: string): Promise<SeenRequest | undefined>
}

export interface RelaySeen {
  relayId: string
  name: string
  status: string
  /** Whether its judge has heard of it lately. */
  healthy: boolean
  /** Where visitors and agents reach it. */
  url?: string
  message?: string
}

export interface LiveFigures {
  relayId: string
  links: number
  /** Requests, WebSockets and TCP connections under way. */
  connections: number
  /** Waiting for one of `maxConnections`. */
  queued: number
  /** Since the relay has known the tunnel, by the code of the refusal: `tunnel.too_many_connections`. */
  refusals: { code: string; count: number; lastAt: string }[]
  /** The last requests that failed, the newest first. */
  failures: { at: string; status: number; code?: string }[]
  endpoints: {
    endpointId: string
    connections: number
    /** As the relay sees it: by its agent's checks and by what became of requests. */
    status: 'healthy' | 'unhealthy' | 'unknown'
    /** Left out by its failures until then. */
    ejectedUntil?: string
  }[]
}

/** Why a request went where it went. */
export interface RequestDecision {
  relayId: string
  /** Undefined when none was chosen. */
  endpointId?: string
  /** The limit, the gate or the breaker that refused it, by the code of the problem. */
  refusedBy?: string
  queuedMs: number
  retries: number
}

export interface SeenRequest {
  /** `req_…` */
  id: string
  at: string
  method: string
  path: string
  /** Undefined while it is under way, and when there was no answer. */
  status?: number
  durationMs: number
  bytesIn: number
  bytesOut: number
  visitor: string
  decision: RequestDecision
  /** The request that this one repeats. */
  replayOf?: string
}

/** Secrets in headers are left out, bodies are cut at what the tunnel's config allows. */
export interface WholeRequest extends SeenRequest {
  requestHeaders: [name: string, value: string][]
  responseHeaders: [name: string, value: string][]
  requestBody?: SeenBody
  responseBody?: SeenBody
}

export interface SeenBody {
  base64: string
  /** Bytes that there were. */
  bytes: number
  cut: boolean
}
