import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { PeerVisit, SessionVisit, Visit } from './peers/visit.ts'
import type { RelayFacts, RelayOptions } from './relay-options.ts'

/**
 * Carries the traffic of tunnels: takes the links of agents and the requests, WebSockets and connections of visitors. It has no database
 * and no key; what it knows of tunnels it asks the control plane.
 */
export class Relay implements AsyncDisposable {
  static async open(options: RelayOptions): Promise<Relay> {
    return new Relay(options)
  }

  private constructor(options: RelayOptions) {
    void options
  }

  get facts(): RelayFacts {
    throw new Error('not built yet')
  }

  /**
   * Whether the name is a tunnel's, or may be: then nobody else may answer it. A name that is neither the product's own nor below the
   * domain of tunnels is looked for, once in a while.
   */
  owns(host: string | undefined): boolean | Promise<boolean> {
    throw new Error(`not built yet: ${host}`)
  }

  /** A visitor's request; with `visit`, that of somebody who comes by another way than the public listener. @throws NoLink for those */
  request(request: IncomingMessage, response: ServerResponse, visit?: Visit): Promise<void> {
    throw new Error(`not built yet: ${request.url} ${response.statusCode} ${visit?.kind}`)
  }

  /** A visitor's WebSocket. @throws NoLink as `request` does */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, visit?: Visit): Promise<void> {
    throw new Error(`not built yet: ${request.url} ${socket.closed} ${head.length} ${visit?.kind}`)
  }

  /** A connection to a TCP tunnel. @throws NoLink */
  connection(socket: Duplex, visit: PeerVisit): Promise<void> {
    throw new Error(`not built yet: ${socket.closed} ${visit.kind}`)
  }

  /** An agent that asks for a link: `GET /tunnel-link` with `Upgrade: gantry-tunnel/1`. */
  link(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    throw new Error(`not built yet: ${request.url} ${socket.closed} ${head.length}`)
  }

  /** The far end of a connection that a browser session has to the tunnel: HTTP for HTTP tunnels, bytes for TCP ones. */
  connect(visit: SessionVisit): Duplex {
    throw new Error(`not built yet: ${visit.kind}`)
  }

  /** Links that are open, and those that the control plane is being asked about. */
  linkIds(): string[] {
    return []
  }

  /** Closes links that the books do not have any more; their agents come again. */
  dropLinks(linkIds: readonly string[]): void {
    void linkIds
  }

  /** Agents are told first and no new stream is taken; resolves once the last one has ended, or the signal aborts. */
  async drain(signal: AbortSignal): Promise<void> {
    void signal
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
