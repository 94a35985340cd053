import type { PeerVisit } from './visit.ts'

/**
 * How relays speak with one another, and the control plane and browsers' machines with a relay: HTTP/1.1 over TLS, each side sure of the
 * other by the fingerprint of the listener's certificate and by a service token of 60 s.
 *
 * - A visitor's request as it came, Host and all, with the headers below: the relay that has the link answers it.
 * - `GET /stream` with `Upgrade: gantry-stream/1`: a connection, of a TCP tunnel's visitor or of a browser session.
 * - `POST /call` with `{name, input}`: see `RelayCalls`.
 *
 * The token is in a header of its own, since `Authorization` is the visitor's.
 */
export const AUDIENCES = {
  /** Of relays, to one another. The subject is the relay that calls. */
  peer: 'relay-peer',
  /** Of the control plane. The subject is the relay that is called. */
  call: 'relay-call',
  /** Of a browser session. The subject is what `streamSubject` makes. */
  stream: 'relay-stream',
} as const

export type Audience = keyof typeof AUDIENCES

/** Set by peers only: what a visitor sends under these names goes no further than the first relay. */
export const PEER_HEADERS = {
  token: 'gantry-peer-token',
  /** The visit, as base64url of JSON. */
  visit: 'gantry-peer-visit',
  /** Whatever the caller has made up; in the answer it says that it is the relay that has no link, not the service that says so. */
  nonce: 'gantry-peer-nonce',
} as const

/** Says that the relay is there, to whoever asks. */
export const PULSE_PATH = '/pulse'
export const STREAM_PATH = '/stream'
export const STREAM_PROTOCOL = 'gantry-stream/1'
export const CALL_PATH = '/call'
export const CALL_MS = 5_000
/** Of one answer to a call. */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024

/** Misdirected request: the relay has no link of that tunnel. */
export const NO_LINK_STATUS = 421

export type VisitKind = 'request' | 'upgrade' | 'connection'

/** What one relay tells another of somebody whom it hands over. */
export interface Told {
  visit: PeerVisit
  as: VisitKind
  /** Whether the visitor itself waits to be told to send its body, as peers do in any case. */
  expects?: boolean
}

export function encodeVisit(told: Told): string {
  return Buffer.from(JSON.stringify(told)).toString('base64url')
}

/** What a peer has written; nobody else has a token to write it with. */
export function decodeVisit(text: string): Told | undefined {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString()) as Told
  } catch {
    return undefined
  }
}

export interface StreamSubject {
  sessionId: string
  tunnelId: string
  /** Absent when the tunnel is the account's own. */
  grantId?: string
}

export function streamSubject({ sessionId, tunnelId, grantId = '' }: StreamSubject): string {
  return [sessionId, tunnelId, grantId].join(' ')
}

export function readStreamSubject(subject: string): StreamSubject | undefined {
  const [sessionId, tunnelId, grantId] = subject.split(' ')
  if (!sessionId || !tunnelId) return undefined
  return { sessionId, tunnelId, ...(grantId && { grantId }) }
}
