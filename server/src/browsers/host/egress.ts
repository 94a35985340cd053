import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { RequestError, Server } from 'proxy-chain'
import type { AddressGuard } from '#kernel/addresses.ts'
import { type Clock, systemClock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import { EgressFailure, destinationFailure } from './egress-failure.ts'
import { Flow } from './egress-flow.ts'
import { MAX_HEADER_BYTES, forward } from './egress-forward.ts'
import { Notes, type Refusal, type Trouble } from './egress-notes.ts'
import { findRoute } from './egress-route.ts'
import { type EgressPolicy, type EgressRules, parseEgressRules } from './egress-rules.ts'
import { answerWithPage } from './refusal-page.ts'
import type { OpenTunnel } from './session-tunnels.ts'
import { splice } from './tunnel.ts'

export type { Refusal, Trouble }

export interface Traffic {
  /** Bytes from the browser, with the requests and handshakes around them. */
  sentBytes: number
  receivedBytes: number
  /** Requests for destinations that are not allowed. */
  refused: number
}

export interface EgressOptions {
  guard: AddressGuard
  sessionId: string
  log: Logger
  clock?: Clock
  /** Any free port when absent. */
  port?: number
  /** Ports of this machine that stay out of reach even when its own addresses are allowed. */
  isReserved: (port: number) => boolean
  /** Opens the session's tunnels; without it there are none. */
  openTunnel?: OpenTunnel
  /** Without them everything is denied until `admit`. */
  rules?: EgressRules
  /** For a connection to the destination, with all that an upstream says before it; 30,000 when absent. */
  dialDeadlineMs?: number
}

const MAX_CONNECTIONS = 512
const IDLE_CONNECTION_MS = 60_000
const DIAL_DEADLINE_MS = 30_000

/**
 * The only way out of one browser: a proxy on loopback that judges each destination by the session's rules, resolves its name once,
 * asks the guard, and dials the very address that was allowed, or the session's own proxy and never past it. A destination that is
 * refused or fails gets a page that says so (plain HTTP) or no tunnel (everything else).
 */
export class Egress extends Server implements AsyncDisposable {
  readonly #options: EgressOptions
  readonly #closed = { sentBytes: 0, receivedBytes: 0 }
  readonly #flows = new Set<Flow>()
  readonly #notes: Notes
  #policy: EgressPolicy | undefined

  /** @throws Error when the port is taken, or EgressRulesInvalid. */
  static async open(options: EgressOptions): Promise<Egress> {
    const egress = new Egress(options)
    await egress.listen()
    return egress
  }

  private constructor(options: EgressOptions) {
    super({ host: '127.0.0.1', port: options.port ?? 0 })
    this.#options = options
    this.#notes = new Notes(options, options.clock ?? systemClock)
    if (options.rules) this.admit(options.rules)
    this.server.maxConnections = MAX_CONNECTIONS
    this.server.keepAliveTimeout = IDLE_CONNECTION_MS
    // An upload takes as long as it takes.
    this.server.requestTimeout = 0
    Object.assign(this.server, { maxHeaderSize: MAX_HEADER_BYTES })
    this.on('connectionClosed', ({ stats }) => {
      this.#closed.sentBytes += stats.srcRxBytes
      this.#closed.receivedBytes += stats.srcTxBytes
    })
  }

  get traffic(): Traffic {
    const total = { ...this.#closed, refused: this.#notes.refused }
    for (const socket of this.connections.values()) {
      total.sentBytes += socket.bytesRead
      total.receivedBytes += socket.bytesWritten
    }
    return total
  }

  /**
   * Opens the way by a session's rules, from now on. What is open and not allowed by them, or leaves by another upstream, is cut.
   *
   * @throws EgressRulesInvalid, and leaves things as they are.
   */
  admit(rules: EgressRules): void {
    const policy = parseEgressRules(rules)
    this.#policy = policy
    for (const flow of this.#flows) flow.cutUnless(policy)
  }

  /** Tells of each (host, port, reason) at most once in 10 s, and of at most 256 in that time; `traffic` counts all. It may not throw. */
  onRefused(listener: (refusal: Refusal) => void): void {
    this.#notes.listeners.push(listener)
  }

  /** What kept the browser from a host within the last 10 s; Chromium itself is not told why a tunnel failed. */
  troubleWith(host: string, port: number): Trouble | undefined {
    return this.#notes.troubleWith(host, port)
  }

  override async onConnect(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const fail = (failure: EgressFailure, host: string) => {
      const { status, headers } = failure
      this.failRequest(request, new RequestError(failure.explain(host), status, headers))
    }
    await this.#serve(request, fail, async (flow) => {
      const target = await flow.openTunnel(this.#options, this.#dialDeadlineMs)
      await splice(socket, target, head)
    })
  }

  override async onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fail = (failure: EgressFailure, host: string) => {
      if (response.headersSent) response.destroy()
      else answerWithPage(response, failure, host)
    }
    await this.#serve(request, fail, async (flow, url) => {
      const onward = await flow.openPlain(url, this.#options, this.#dialDeadlineMs)
      await forward(request, response, onward)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const flow of this.#flows) flow.cut(new EgressFailure('connection_closed'))
    if (this.server) await this.close(true)
  }

  get #dialDeadlineMs(): number {
    return this.#options.dialDeadlineMs ?? DIAL_DEADLINE_MS
  }

  async #serve(
    request: IncomingMessage,
    fail: (failure: EgressFailure, host: string) => void,
    pass: (flow: Flow, url: URL) => Promise<void>,
  ): Promise<void> {
    const url = this.#targetOf(request)
    if (!url) return
    const { hostname } = url
    const port = Number(url.port || 80)
    using flow = new Flow(request.socket)
    this.#flows.add(flow)
    try {
      await this.#findRoute(flow, { hostname, port })
      await pass(flow, url)
    } catch (error) {
      const failure = flow.cutBy ?? destinationFailure(error)
      if (request.socket.destroyed) return
      this.#notes.add(hostname, port, failure)
      fail(failure, hostname)
    } finally {
      this.#flows.delete(flow)
    }
  }

  /** Nothing when it cannot be read, which was answered then. */
  #targetOf(request: IncomingMessage): URL | undefined {
    try {
      return this.getHandlerOpts(request).trgParsed!
    } catch (error) {
      this.failRequest(request, error as Error)
      return undefined
    }
  }

  /** Judges again when the rules have changed while the name was resolved. */
  async #findRoute(flow: Flow, asked: { hostname: string; port: number }): Promise<void> {
    for (;;) {
      const policy = this.#policy
      const route = await findRoute(asked, policy, this.#options)
      if (policy === this.#policy) return flow.take(route)
    }
  }
}
