import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Answers for hosts of its own on the same port: by Host first, so that nobody else sees what is asked of them. */
export interface HostServer {
  /** Protocols, beside WebSocket, that connections to it may be upgraded to. */
  readonly upgrades: readonly string[]
  /** Whether a request is its own to answer. Never rejects. */
  isFor(request: IncomingMessage): boolean | Promise<boolean>
  /** In time for the first bytes of TLS: whether the name is one of its own, where HTTP/2 is spoken. */
  knows(hostname: string): boolean
  /** A connection has come, for whatever host. */
  connected(socket: Socket): void
  request(request: IncomingMessage, response: ServerResponse): unknown
  /** Whoever calls it listens to errors of the socket. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): unknown
}
