import type { EndpointState } from '../balance/balance.ts'
import type { Page } from '../inspect/inspector.ts'
import type { SeenRequest } from '../inspect/present.ts'
import type { Replayed } from '../inspect/replay.ts'
import type { TunnelFigures } from '../measure/meter.ts'

/**
 * What the control plane asks of one relay, since only the relay with the link knows it: by direct calls of the built-in relay, by
 * HTTPS of any other. All of it can be sent as JSON.
 */
export interface RelayCalls {
  /** The last requests of a tunnel, the newest first. */
  requests(asked: { tunnelId: string; limit: number; after?: string }): Promise<Page>
  /** One of them, with headers and the beginnings of bodies while the inspector is on. */
  request(asked: { tunnelId: string; requestId: string }): Promise<SeenRequest | undefined>
  /** Makes it once more. */
  replay(asked: {
    tunnelId: string
    requestId: string
    withoutSecrets?: boolean
  }): Promise<Replayed>
  /** Of those of these tunnels that have a link here. */
  live(asked: { tunnelIds: readonly string[] }): Promise<Readonly<Record<string, LiveFigures>>>
  /** The last lines of its own log, the newest last. */
  logs(asked: { limit: number }): Promise<readonly LoggedLine[]>
}

export type CallName = keyof RelayCalls

/** How a tunnel does now, at one relay. */
export interface LiveFigures {
  links: number
  /** Requests, WebSockets and TCP connections under way. */
  inUse: number
  /** Those that wait for one of `maxConnections`. */
  waiting: number
  endpoints: readonly LiveEndpoint[]
  /** What passed in the last minute; none when nobody has come for longer. */
  lastMinute?: TunnelFigures
}

/** As balance sees it; of one that nothing was sent to, no more than its breaker, which is closed. */
export type LiveEndpoint = Pick<EndpointState, 'id' | 'breaker'> &
  Partial<EndpointState> & {
    /** Whether its agent has a link here. */
    linked: boolean
  }

export interface LoggedLine {
  at: string
  level: string
  message: string
  facts: Readonly<Record<string, unknown>>
}
