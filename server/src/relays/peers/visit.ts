import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { RelayCalls } from './calls.ts'

/** A visitor whom another relay has taken in: this one has the link, so that it applies gate, limits and balance, and counts. */
export interface PeerVisit {
  kind: 'peer'
  tunnelId: string
  /** The visitor's address as the other relay has judged it, behind trusted proxies too. */
  ip: string
  /** Whether the visitor came by TLS. */
  secure: boolean
  /** Whether the other relay was asked by a trusted proxy, whose `X-Forwarded-*` headers are then kept. */
  trusted: boolean
  /** The other relay; known where the visitor is handed to. */
  forwardedBy?: string
}

/**
 * A browser session that was given the tunnel when it was made. The access policy does not apply to it; limits, measures and the
 * inspector do.
 */
export interface SessionVisit {
  kind: 'session'
  tunnelId: string
  sessionId: string
  /** What lets it in; absent when the tunnel is its account's own. Once the tunnel does not list it any more, what it let in is cut. */
  grantId?: string
}

/** Whom a relay serves beside those who come to its own door. */
export type Visit = PeerVisit | SessionVisit

/** The relay has no link of the tunnel, and nothing was read or answered: somebody else may serve it. */
export class NoLink extends Error {
  constructor(tunnelId: string) {
    super(`no link of ${tunnelId} here`)
    this.name = 'NoLink'
  }
}

/**
 * What a relay does for those who come by another way than its public listener: by links of its own, and never by another relay. Each
 * function resolves when it is over.
 *
 * @throws NoLink
 */
export interface Serving {
  /** The far end of a connection that a browser session has to the tunnel. */
  connect(visit: SessionVisit): Duplex
  /** Whether it has a link of the tunnel now, so that it is worth asking. */
  has(tunnelId: string): boolean
  /** `visit` says where it comes from; the address of its socket says nothing. */
  request(request: IncomingMessage, response: ServerResponse, visit: Visit): Promise<void>
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, visit: Visit): Promise<void>
  /** A connection to a TCP tunnel. */
  connection(socket: Duplex, visit: PeerVisit): Promise<void>
  readonly calls: RelayCalls
}

/**
 * What a relay does with visitors of a tunnel that it has no link of: another relay serves them. Each function resolves when that is
 * over, or to false when no relay has a link; nothing was read or answered then.
 *
 * @throws Error when the other relay was lost before it had answered; what has begun to be answered is broken off
 */
export interface Forward {
  request(request: IncomingMessage, response: ServerResponse, visit: PeerVisit): Promise<boolean>
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    visit: PeerVisit,
  ): Promise<boolean>
  connection(socket: Duplex, visit: PeerVisit): Promise<boolean>
}
