/**
 * How an agent and a relay speak. The agent dials the relay and asks for an upgrade:
 *
 *     GET /tunnel-link HTTP/1.1
 *     Connection: Upgrade
 *     Upgrade: gantry-tunnel/1
 *     Authorization: Bearer <ticket>
 *     Gantry-Agent: <version>
 *
 * After `101 Switching Protocols` the agent is the HTTP/2 server of that connection and the relay its client. The relay opens
 *
 * - one CONNECT stream for each connection to a local service, with the headers below; bytes pass both ways as they are. The agent answers
 *   200 once it has dialled, 403 for an address that it was not told to serve, 502 when the service refuses, 504 when it is silent;
 *   bytes that come before its answer are kept for the service;
 * - one POST stream to `/control` for the life of the link: a line of JSON for each message, both ways (`RelayMessage`, `AgentMessage`).
 *   Either side passes over what it does not know.
 *
 * Both sides send HTTP/2 PING every 10 s; 2 without an answer end the link.
 */
export const LINK_PATH = '/tunnel-link'
export const LINK_PROTOCOL = 'gantry-tunnel/1'
/** Of every CONNECT stream. `:authority` is the host and port of the endpoint's URL. */
export const STREAM_HEADERS = {
  tunnel: 'gantry-tunnel',
  endpoint: 'gantry-endpoint',
  /** `tls` when the endpoint's URL is https: the agent speaks TLS to the service and plain bytes on the stream. */
  secure: 'gantry-secure',
  visitor: 'gantry-visitor',
} as const

export const PING_EVERY_MS = 10_000
export const MISSED_PINGS = 2
/** Windows, in bytes. Per stream: what one transfer may have under way; of the session: all together. */
export const STREAM_WINDOW = 1024 * 1024
export const SESSION_WINDOW = 64 * 1024 * 1024

/** What a relay tells an agent. */
export type RelayMessage =
  /** The link stands; what it carries from now on, and what it may not carry. */
  | { type: 'welcome'; linkId: string; relayId: string; tunnels: WelcomedTunnel[] }
  /** The tunnels that this link carries are these from now on. */
  | { type: 'tunnels'; tunnels: WelcomedTunnel[] }
  /** A newer run holds it, it was stopped, deleted or its right was revoked: by the code of a problem. */
  | { type: 'lost'; tunnelId: string; code: string; detail: string }
  /** The relay goes: open a link to another one now; this one takes nothing new and ends when what is under way has. */
  | { type: 'drain' }
  /** There are relays to dial that were not there before: an agent with fewer links than it wants looks now. */
  | { type: 'relays' }
  /** One request was answered. Sent at most 20 times a second; `more` counts those left out since. */
  | { type: 'request'; tunnelId: string; line: RequestLine; more: number }

export interface WelcomedTunnel {
  id: string
  name: string
  url: string
  endpoints: { id: string; url: string; healthCheck?: unknown }[]
}

export interface RequestLine {
  at: string
  method: string
  path: string
  status: number
  durationMs: number
  bytes: number
}

/** What an agent tells a relay. */
export type AgentMessage =
  | { type: 'health'; endpointId: string; status: 'healthy' | 'unhealthy'; message?: string }
  /** It ends in order: nothing new, and close the link when all is done. */
  | { type: 'leave' }
