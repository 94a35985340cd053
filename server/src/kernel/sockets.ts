import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { STATUS_CODES } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Actor, Context } from './context.ts'
import type { Logger } from './log.ts'
import { Problem } from './problem.ts'

/** One WebSocket endpoint of a capability. */
export interface SocketRoute<Grant = unknown> {
  /** Exact path, or a prefix that ends in `/`. */
  readonly path: string
  readonly summary: string
  /** Longest message in bytes; the socket is closed with 1009 beyond it. */
  readonly maxMessageBytes: number
  /** Decides before 101 is sent; a thrown problem is the HTTP answer. */
  admit(ctx: Context, request: SocketRequest): Promise<Grant>
  /** Owns the open socket. */
  open(ctx: Context, socket: WebSocket, grant: Grant, request: SocketRequest): void
}

// A list of sockets holds many grants, each checked against its own route.
// oxlint-disable-next-line typescript/no-explicit-any
export type AnySocket = SocketRoute<any>

export interface SocketRequest {
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly ip: string
}

export interface DispatcherOptions {
  sockets: readonly AnySocket[]
  log: Logger
  /** @throws Problem when the credential is bad */
  authenticate(request: IncomingMessage): Promise<Actor>
  contextFor(actor: Actor): Context
  /** Web pages of these origins may open sockets; programs send no Origin. */
  allowsOrigin(origin: string, host: string | undefined): boolean
  /** 15 s unless given. */
  pingEveryMs?: number
}

const PING_EVERY_MS = 15_000
const ADMIT_TIMEOUT_MS = 10_000
/** Service restart (RFC 6455, IANA registry): clients reconnect. */
const RESTARTING = 1012

/** The one listener for `upgrade`: finds the socket's route, admits, upgrades, and knows every open socket. */
export class SocketDispatcher implements AsyncDisposable {
  readonly #options: DispatcherOptions
  readonly #wss = new Map<AnySocket, WebSocketServer>()
  readonly #open = new Set<WebSocket>()
  readonly #alive = new WeakSet<WebSocket>()
  readonly #pings: NodeJS.Timeout
  #closing = false

  constructor(options: DispatcherOptions) {
    this.#options = options
    for (const route of options.sockets) {
      this.#wss.set(
        route,
        new WebSocketServer({
          noServer: true,
          maxPayload: route.maxMessageBytes,
          perMessageDeflate: false,
        }),
      )
    }
    this.#pings = setInterval(() => this.#ping(), options.pingEveryMs ?? PING_EVERY_MS).unref()
  }

  get openSockets(): number {
    return this.#open.size
  }

  attach(server: Server): void {
    server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => socket.destroy())
      void this.#upgrade(request, socket, head).catch((error: unknown) => {
        if (!(error instanceof Problem)) this.#options.log.error({ err: error }, 'upgrade failed')
        refuse(socket, error instanceof Problem ? error.status : 500)
      })
    })
  }

  /** Closes every socket with 1012; those that do not answer within a second are cut. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    clearInterval(this.#pings)
    const closed = [...this.#open].map(
      (socket) => new Promise<void>((done) => socket.once('close', () => done())),
    )
    for (const socket of this.#open) socket.close(RESTARTING, 'the server is restarting')
    const cut = setTimeout(() => this.#open.forEach((socket) => socket.terminate()), 1_000)
    await Promise.all(closed)
    clearTimeout(cut)
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (this.#closing) return refuse(socket, 503)
    const url = URL.parse(request.url ?? '/', 'http://socket.invalid')
    const route = url && this.#options.sockets.find(({ path }) => matches(path, url.pathname))
    if (!url || !route) return refuse(socket, 404)
    const { origin, host } = request.headers
    if (origin && !this.#options.allowsOrigin(origin, host)) return refuse(socket, 403)

    const ctx = this.#options.contextFor(await this.#options.authenticate(request))
    const facts = { url, headers: request.headers, ip: request.socket.remoteAddress ?? '' }
    const late = AbortSignal.timeout(ADMIT_TIMEOUT_MS)
    const grant = await route.admit(ctx.with({ signal: late }), facts)
    if (this.#closing) return refuse(socket, 503)
    this.#wss.get(route)!.handleUpgrade(request, socket, head, (opened) => {
      this.#track(opened)
      route.open(ctx, opened, grant, facts)
    })
  }

  #track(socket: WebSocket): void {
    this.#open.add(socket)
    this.#alive.add(socket)
    socket.on('pong', () => this.#alive.add(socket))
    socket.on('error', (error) => this.#options.log.debug({ err: error }, 'socket failed'))
    socket.once('close', () => this.#open.delete(socket))
  }

  /** A socket that missed a whole round is gone: half-open ones are noticed within 30 s. */
  #ping(): void {
    for (const socket of this.#open) {
      if (!this.#alive.delete(socket)) socket.terminate()
      else socket.ping()
    }
  }
}

function matches(path: string, pathname: string): boolean {
  return path.endsWith('/') ? pathname.startsWith(path) : pathname === path
}

function refuse(socket: Duplex, status: number): void {
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
  )
}
