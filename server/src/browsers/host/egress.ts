import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type PrepareRequestFunctionOpts, RequestError, Server } from 'proxy-chain'
import {
  type AddressGuard,
  DestinationRefused,
  NameNotResolved,
  pinnedLookup,
} from '#kernel/addresses.ts'
import type { Logger } from '#kernel/log.ts'
import type { Address } from '#kernel/public-addresses.ts'
import { refusalPage } from './refusal-page.ts'
import { DialAgent, dial, splice } from './tunnel.ts'

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
  /** Any free port when absent. */
  port?: number
  /** Ports of this machine that stay out of reach even when its own addresses are allowed. */
  isReserved: (port: number) => boolean
}

/** Status of a host name without an address; proxy-chain's own 594 to 599 tell the other failures apart. */
const NOT_RESOLVED = 593
const MAX_CONNECTIONS = 512
const IDLE_CONNECTION_MS = 60_000

/**
 * The only way out of one browser: a proxy on loopback that resolves each name once, asks the guard, and dials the very address
 * that was allowed. A refused destination gets a page that says so (plain HTTP) or no tunnel (everything else).
 */
export class Egress extends Server implements AsyncDisposable {
  readonly #options: EgressOptions
  readonly #agent = new DialAgent()
  readonly #closed: Traffic = { sentBytes: 0, receivedBytes: 0, refused: 0 }

  /** @throws Error when the port is taken. */
  static async open(options: EgressOptions): Promise<Egress> {
    const egress = new Egress(options)
    await egress.listen()
    return egress
  }

  private constructor(options: EgressOptions) {
    super({ host: '127.0.0.1', port: options.port ?? 0 })
    this.#options = options
    this.prepareRequestFunction = (request) => this.#prepare(request)
    this.server.maxConnections = MAX_CONNECTIONS
    this.server.keepAliveTimeout = IDLE_CONNECTION_MS
    // An upload takes as long as it takes.
    this.server.requestTimeout = 0
    this.on('connectionClosed', ({ stats }) => {
      this.#closed.sentBytes += stats.srcRxBytes
      this.#closed.receivedBytes += stats.srcTxBytes
    })
  }

  get traffic(): Traffic {
    const total = { ...this.#closed }
    for (const socket of this.connections.values()) {
      total.sentBytes += socket.bytesRead
      total.receivedBytes += socket.bytesWritten
    }
    return total
  }

  /** In place of proxy-chain's own, which dials without a deadline and keeps what the far end never closes. */
  override async onConnect(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    try {
      const { trgParsed, dnsLookup } = await this.prepareRequestHandling(request)
      const target = await dial({ port: Number(trgParsed!.port), lookup: dnsLookup! })
      splice(socket, target, head)
    } catch (error) {
      this.failRequest(request, asRequestError(error))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy()
    if (this.server) await this.close(true)
  }

  async #prepare({ hostname, port, isHttp }: PrepareRequestFunctionOpts) {
    try {
      const addresses = await this.#options.guard.resolve(hostname, port)
      if (this.#options.isReserved(port) && addresses.some(isOwnLoopback)) {
        throw new DestinationRefused()
      }
      return { dnsLookup: pinnedLookup(addresses) as never, httpAgent: this.#agent }
    } catch (error) {
      if (!(error instanceof DestinationRefused)) throw asRequestError(error)
      this.#closed.refused += 1
      const { sessionId, log } = this.#options
      log.debug({ session: sessionId, hostname, port }, 'destination refused to a browser')
      if (!isHttp) throw new RequestError(`${hostname} is not allowed; see EGRESS_ALLOW`, 403)
      return { customResponseFunction: () => refusalPage(hostname) }
    }
  }
}

/** Whether connecting there reaches a listener on 127.0.0.1. */
function isOwnLoopback({ address }: Address): boolean {
  return address === '0.0.0.0' || address === '::' || address.startsWith('127.')
}

function asRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error
  if (error instanceof NameNotResolved) return new RequestError(error.message, NOT_RESOLVED)
  return new RequestError('The destination could not be reached', 502)
}
