import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import { PROBE_AFTER_MS } from '#kernel/pinned.ts'
import { answerCall } from './answer-call.ts'
import { takeHeader } from './heads.ts'
import { join } from './join.ts'
import { type ClaimsOf, Passes } from './passes.ts'
import { NoLink, type PeerVisit, type Serving } from './visit.ts'
import {
  CALL_PATH,
  decodeVisit,
  NO_LINK_STATUS,
  PEER_HEADERS,
  PULSE_PATH,
  readStreamSubject,
  STREAM_PATH,
  STREAM_PROTOCOL,
} from './wire.ts'

export interface PeerServerOptions {
  relayId: string
  serving: Serving
  tls: { cert: string; key: string }
  /** By the public keys of the control plane. */
  claimsOf: ClaimsOf
  clock: Clock
  log: Logger
}

const HANDSHAKE_TIMEOUT_MS = 10_000
const HEADERS_TIMEOUT_MS = 10_000
/** Longer than a peer keeps a connection that waits. */
const KEEP_ALIVE_MS = 60_000
const MAX_CONNECTIONS = 16_384
/** A visitor's head, and what is said beside it. */
const MAX_HEADER_BYTES = 64 * 1024

/** What came of a request beside the answer that others give. */
interface Asking {
  token: string | undefined
  nonce: string | undefined
  /** Whom another relay hands over. */
  told: ReturnType<typeof decodeVisit>
}

/** A relay as other relays, the control plane and the machines of browsers reach it: over TLS, each call with a token. */
export class PeerServer implements AsyncDisposable {
  readonly #options: PeerServerOptions
  readonly #server: Server
  readonly #passes: Passes
  readonly #sockets = new Set<Duplex>()

  static async open(options: PeerServerOptions, host: string, port: number): Promise<PeerServer> {
    const server = new PeerServer(options)
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject)
      server.#server.listen(port, host, resolve)
    })
    return server
  }

  private constructor(options: PeerServerOptions) {
    this.#options = options
    this.#passes = new Passes(options.claimsOf, options.clock)
    this.#server = createServer({
      ...{ ...options.tls, minVersion: 'TLSv1.3', handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
      ...{ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: 0, noDelay: true },
      ...{ keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: MAX_HEADER_BYTES },
      ...{ keepAlive: true, keepAliveInitialDelay: PROBE_AFTER_MS },
      // Whether a visitor of HTTP/1.0 may come without one was for the first relay to say.
      requireHostHeader: false,
    })
    this.#server.maxConnections = MAX_CONNECTIONS
    this.#server.on('request', (request, response) => void this.#request(request, response))
    this.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      void this.#request(request, response)
    })
    this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Cuts what is open: the relay has been drained before. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async #request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {})
    const asking = readAsking(request)
    try {
      if (asking.told) {
        const visit = this.#visitOf(asking)
        if (!visit || asking.told.as !== 'request') return void refuse(response, 401)
        if (!asking.told.expects) continueWhenRead(request, response)
        return await this.#serve(request, response, visit)
      }
      if (request.url === PULSE_PATH) return void response.writeHead(204).end()
      if (request.url !== CALL_PATH) return void refuse(response, 404)
      const isOurs = this.#passes.subjectOf(asking.token, 'call') === this.#options.relayId
      if (!isOurs) return void refuse(response, 401)
      await answerCall(this.#options.serving.calls, request, response, this.#options.log)
    } catch (error) {
      if (error instanceof NoLink && !response.headersSent) {
        return void refuse(response, NO_LINK_STATUS, nonceOf(asking))
      }
      this.#options.log.error({ err: error }, 'a visitor of a peer was not served')
      if (response.headersSent) response.destroy()
      else refuse(response, 500)
    }
  }

  /** What it has no link of is not looked at. */
  #serve(request: IncomingMessage, response: ServerResponse, visit: PeerVisit): Promise<void> {
    const { serving } = this.#options
    if (!serving.has(visit.tunnelId)) throw new NoLink(visit.tunnelId)
    return serving.request(request, response, visit)
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy())
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    const asking = readAsking(request)
    try {
      const status = await this.#takeSocket(request, socket, head, asking)
      if (status !== undefined) refuseSocket(socket, status)
    } catch (error) {
      if (error instanceof NoLink) return void refuseSocket(socket, NO_LINK_STATUS, nonceOf(asking))
      this.#options.log.error({ err: error }, 'a socket of a peer was not served')
      socket.destroy()
    }
  }

  /** Resolves to a status when it is to be refused. @throws NoLink */
  async #takeSocket(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    asking: Asking,
  ): Promise<number | undefined> {
    const { serving } = this.#options
    if (!asking.told) {
      const isStream = request.headers.upgrade === STREAM_PROTOCOL && request.url === STREAM_PATH
      return isStream ? this.#openStream(socket, head, asking) : 404
    }
    const visit = this.#visitOf(asking)
    if (!visit || asking.told.as === 'request') return 401
    if (!serving.has(visit.tunnelId)) throw new NoLink(visit.tunnelId)
    if (asking.told.as === 'upgrade') {
      return void (await serving.upgrade(request, socket, head, visit))
    }
    accept(socket, head)
    return void (await serving.connection(socket, visit))
  }

  /** For a browser session: what lets it in is in its token. */
  async #openStream(socket: Duplex, head: Buffer, { token }: Asking): Promise<number | undefined> {
    const { serving } = this.#options
    const subject = this.#passes.subjectOf(token, 'stream')
    const named = subject === undefined ? undefined : readStreamSubject(subject)
    if (!named) return 401
    if (!serving.has(named.tunnelId)) throw new NoLink(named.tunnelId)
    const far = serving.connect({ kind: 'session', ...named })
    accept(socket, Buffer.alloc(0))
    return void (await join({ socket, head }, { socket: far, head: Buffer.alloc(0) }))
  }

  /** Nothing for who is no relay. */
  #visitOf({ token, told }: Asking): PeerVisit | undefined {
    const forwardedBy = this.#passes.subjectOf(token, 'peer')
    return told && forwardedBy !== undefined ? { ...told.visit, forwardedBy } : undefined
  }
}

/** Takes what relays say to one another out of the head: nobody behind finds it there. */
function readAsking(request: IncomingMessage): Asking {
  const token = takeHeader(request, PEER_HEADERS.token)
  const nonce = takeHeader(request, PEER_HEADERS.nonce)
  const told = takeHeader(request, PEER_HEADERS.visit)
  return { token, nonce, told: told === undefined ? undefined : decodeVisit(told) }
}

/**
 * The peer keeps the body until somebody here wants it, so that it is whole when nobody does. The visitor has not asked for that, and
 * whoever serves it does not see that it was.
 */
function continueWhenRead(request: IncomingMessage, response: ServerResponse): void {
  if (takeHeader(request, 'expect') === undefined) return
  const read = request._read.bind(request)
  request._read = (size) => {
    request._read = read
    if (!response.headersSent) response.writeContinue()
    read(size)
  }
}

function nonceOf({ nonce }: Asking): Record<string, string> {
  return nonce ? { [PEER_HEADERS.nonce]: nonce } : {}
}

function refuse(response: ServerResponse, status: number, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-length': 0, ...headers }).end()
}

function refuseSocket(socket: Duplex, status: number, headers: Record<string, string> = {}): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-length: 0\r\n${lines.join('')}\r\n`,
  )
}

function accept(socket: Duplex, head: Buffer): void {
  const lines = `connection: Upgrade\r\nupgrade: ${STREAM_PROTOCOL}`
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n\r\n`)
  socket.allowHalfOpen = true
  if (head.length > 0) socket.unshift(head)
}
