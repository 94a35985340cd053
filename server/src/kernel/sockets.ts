import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { STATUS_CODES } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'
import { randomUUID } from 'node:crypto'
import { type Client, clientAt } from './client.ts'
import type { Actor, Context } from './context.ts'
import { problemBody, toProblem } from './http/failures.ts'
import type { HostServer } from './http/host-server.ts'
import { httpProblems } from './http/problems.ts'
import type { Logger } from './log.ts'
import { Problem } from './problem.ts'
import type { Refusal } from './refusal.ts'
import { exchangeTicket, type ShownCredential } from './socket-ticket.ts'
import { within } from './within.ts'

/** What may be opened with a ticket in place of a header. */
export interface TicketedSocket {
  /** Exact path, or a prefix that ends in `/`. */
  readonly path: string
  /** Whoever opens it needs one of these permissions. Where it is absent the address itself is the credential. */
  readonly needs?: readonly string[]
}

interface SocketAdmission<Grant> extends TicketedSocket {
  readonly summary: string
  /** Decides before 101 is sent; a thrown problem is the HTTP answer. */
  admit(ctx: Context, request: SocketRequest): Promise<Grant>
  /** Longest admission; 10 s unless given. */
  readonly admitTimeoutMs?: number
}

/** An endpoint whose messages this process reads and writes. */
export interface MessageRoute<Grant = unknown> extends SocketAdmission<Grant> {
  /** Longest message in bytes; the socket is closed with 1009 beyond it. */
  readonly maxMessageBytes: number
  /** Owns the open socket. */
  open(ctx: Context, socket: WebSocket, grant: Grant, request: SocketRequest): void
}

/** An endpoint whose bytes somebody else reads and writes, the answer to the upgrade too. */
export interface RawRoute<Grant = unknown> extends SocketAdmission<Grant> {
  /** Owns the socket from here on. A problem thrown before anything was written is the HTTP answer. */
  take(ctx: Context, upgrade: Upgrade, grant: Grant): Promise<RawSocket>
}

/** One WebSocket endpoint of a capability. */
export type SocketRoute<Grant = unknown> = MessageRoute<Grant> | RawRoute<Grant>

/** A client's wish to upgrade, admitted but not answered. */
export interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

export interface RawSocket {
  close(code: number, reason: string): void
  readonly closed: Promise<unknown>
}

// A list of sockets holds many grants, each checked against its own route.
// oxlint-disable-next-line typescript/no-explicit-any
export type AnySocket = SocketRoute<any>

/** Something else that answers upgrades at a path of its own and below it, such as engine.io. */
export interface ForeignSockets extends AsyncDisposable {
  readonly path: string
  readonly openSockets: number
  /** Owns the socket from here on. A problem thrown before anything was written is the HTTP answer. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>
}

export interface SocketRequest {
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly ip: string
}

export interface DispatcherOptions {
  sockets: readonly AnySocket[]
  log: Logger
  /** Answers all that is asked of hosts of its own; asked before anything else. */
  hosts?: HostServer
  /** Asked first, once the host and the origin are known to be good. */
  foreign?: readonly ForeignSockets[]
  /** @throws Problem when the credential is bad */
  authenticate(request: IncomingMessage, ip: string): Promise<Actor>
  /** What a ticket for the socket at this path stands for; it is used up with that. Without this, tickets are names like others. @throws Problem when it does not count */
  redeem?(ticket: string, path: string, ip: string): Promise<ShownCredential>
  /** Where a request comes from, behind trusted proxies too; the far end of its connection unless given. */
  addressOf?(request: IncomingMessage): string
  contextFor(actor: Actor, client: Client): Context
  /** Asked first: whether a socket may be opened from this address, or stay open. @throws Problem */
  judgeAddress?(address: string): void
  /** Told when somebody who is signed in may not open what they asked for. */
  refused?: (refusal: Refusal) => void
  /** Web pages of these origins may open sockets; programs send no Origin. */
  allowsOrigin(origin: string, host: string | undefined): boolean
  /** Whether this is one of the server's own names: a name that somebody else made point here is not. */
  allowsHost(host: string | undefined): boolean
  /** 15 s unless given. */
  pingEveryMs?: number
}

const PING_EVERY_MS = 15_000
const ADMIT_TIMEOUT_MS = 10_000
/** Service restart (RFC 6455, IANA registry): clients reconnect. */
const RESTARTING = 1012
const CUT_AFTER_MS = 1_000
const POLICY = 1008

/** The one listener for `upgrade`: finds the socket's route, admits, upgrades, and knows every open socket. */
export class SocketDispatcher implements AsyncDisposable {
  readonly #options: DispatcherOptions
  readonly #wss = new Map<AnySocket, WebSocketServer>()
  /** By socket, where it comes from. */
  readonly #open = new Map<WebSocket, string>()
  readonly #raw = new Map<RawSocket, string>()
  readonly #alive = new WeakSet<WebSocket>()
  readonly #pings: NodeJS.Timeout
  #closing = false

  constructor(options: DispatcherOptions) {
    this.#options = options
    for (const route of options.sockets) {
      if (!('open' in route)) continue
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
    const foreign = this.#options.foreign ?? []
    const others = foreign.reduce((sum, { openSockets }) => sum + openSockets, 0)
    return this.#open.size + this.#raw.size + others
  }

  attach(server: Server): void {
    const { hosts } = this.#options
    server.on('upgrade', (request, socket, head) => {
      // A function made here would keep the request, with its headers, for as long as the socket is open.
      socket.on('error', destroy)
      const isTheirs = hosts?.isFor(request) ?? false
      if (isTheirs === true) return void hosts!.upgrade(request, socket, head)
      if (isTheirs === false) return this.#take(request, socket, head)
      void isTheirs.then((theirs) => {
        if (theirs) hosts!.upgrade(request, socket, head)
        else this.#take(request, socket, head)
      })
    })
  }

  #take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    void this.#upgrade(request, socket, head).catch((error: unknown) => {
      if (!(error instanceof Problem)) this.#options.log.error({ err: error }, 'upgrade failed')
      refuse(socket, toProblem(error).status, error)
    })
  }

  /** Closes every socket with 1012; those that do not answer within a second are cut. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    clearInterval(this.#pings)
    const closed = [...this.#open.keys()].map(
      (socket) => new Promise<void>((done) => socket.once('close', () => done())),
    )
    for (const socket of this.#open.keys()) socket.close(RESTARTING, 'the server is restarting')
    for (const socket of this.#raw.keys()) socket.close(RESTARTING, 'the server is restarting')
    const cut = setTimeout(
      () => this.#open.forEach((_, socket) => socket.terminate()),
      CUT_AFTER_MS,
    )
    const gone = [...this.#raw.keys()].map((socket) => within(CUT_AFTER_MS, socket.closed))
    const foreign = this.#options.foreign ?? []
    await Promise.all([...closed, ...gone, ...foreign.map((each) => each[Symbol.asyncDispose]())])
    clearTimeout(cut)
  }

  /** Closes what may not stay open, now that other addresses may come than before. */
  judgeOpen(): void {
    for (const [socket, address] of [...this.#open, ...this.#raw]) this.#judge(socket, address)
  }

  #judge(socket: Pick<RawSocket, 'close'>, address: string): void {
    const problem = this.#refusalOf(address)
    if (problem) socket.close(POLICY, problem.code)
  }

  #refusalOf(address: string): Problem | undefined {
    try {
      this.#options.judgeAddress?.(address)
      return undefined
    } catch (error) {
      return toProblem(error)
    }
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (this.#closing) return refuse(socket, 503)
    const url = URL.parse(request.url ?? '/', 'http://socket.invalid')
    const foreign = this.#options.foreign?.find(({ path }) => isAtOrBelow(path, request.url))
    const route = url && this.#options.sockets.find(({ path }) => matches(path, url.pathname))
    if (!url || !(foreign ?? route)) return refuse(socket, 404)
    const ip = this.#options.addressOf?.(request) ?? request.socket.remoteAddress ?? ''
    const client = clientAt(ip, request.headers['user-agent'])
    const stranger = this.#strangerIn(request)
    const refusal = stranger ?? this.#refusalOf(ip)
    if (refusal) {
      const wanted = `WS ${(foreign ?? route)!.path}`
      const about = { client, correlationId: randomUUID(), wanted, code: refusal.code }
      const isNoted = stranger !== undefined || refusal.kind.noted
      if (isNoted) this.#options.refused?.({ actor: { kind: 'anonymous' }, ...about })
      throw refusal
    }
    const path = foreign?.path ?? url.pathname
    const { redeem } = this.#options
    if (redeem) await exchangeTicket(request.headers, (ticket) => redeem(ticket, path, ip))
    if (foreign) return foreign.upgrade(request, socket, head)
    if (!route) return

    const ctx = this.#options.contextFor(await this.#options.authenticate(request, ip), client)
    const facts = { url, headers: request.headers, ip }
    const { signal, stop } = untilGone(socket, route.admitTimeoutMs ?? ADMIT_TIMEOUT_MS)
    const grant: unknown = await route
      .admit(ctx.with({ signal }), facts)
      .catch((error: unknown) => this.#refused(ctx, client, route, error))
      .finally(stop)
    // Nothing more will be heard of this client.
    if (socket.readableEnded) socket.destroy()
    // Who admitted it may have made something for it that only its end ends: it is passed on even when it is to be closed at once.
    if ('take' in route)
      return this.#pass(await route.take(ctx, { request, socket, head }, grant), ip)
    if (this.#closing) return refuse(socket, 503)
    this.#wss.get(route)!.handleUpgrade(request, socket, head, (opened) => {
      this.#track(opened, ip)
      route.open(ctx, opened, grant, facts)
    })
  }

  /** A page of elsewhere, or of a name that somebody else made point here. */
  #strangerIn({ headers: { origin, host } }: IncomingMessage): Problem | undefined {
    const { allowsHost, allowsOrigin } = this.#options
    if (!allowsHost(host)) return httpProblems.wrongHost()
    if (origin && !allowsOrigin(origin, host)) return httpProblems.originRefused({ origin })
    return undefined
  }

  /** Whoever is not signed in and finds nothing has guessed an address. */
  #refused(
    { actor, correlationId }: Context,
    client: Client,
    { path }: AnySocket,
    error: unknown,
  ): never {
    const noted = actor.kind === 'anonymous' ? 404 : 403
    if (error instanceof Problem && error.status === noted) {
      const wanted = `WS ${path}`
      this.#options.refused?.({ actor, client, correlationId, wanted, code: error.code })
    }
    throw error
  }

  #pass(socket: RawSocket, address: string): void {
    this.#raw.set(socket, address)
    void socket.closed.catch(() => {}).finally(() => this.#raw.delete(socket))
    if (this.#closing) socket.close(RESTARTING, 'the server is restarting')
    else this.#judge(socket, address)
  }

  #track(socket: WebSocket, address: string): void {
    this.#open.set(socket, address)
    this.#alive.add(socket)
    socket.on('pong', () => this.#alive.add(socket))
    socket.on('error', (error) => this.#options.log.debug({ err: error }, 'socket failed'))
    socket.once('close', () => this.#open.delete(socket))
    // The lists may have changed while it was let in.
    this.#judge(socket, address)
  }

  /** A socket that missed a whole round is gone: half-open ones are noticed within 30 s. */
  #ping(): void {
    for (const socket of this.#open.keys()) {
      if (!this.#alive.delete(socket)) socket.terminate()
      else socket.ping()
    }
  }
}

/** Whether the URL of a request is of this path, or of one below it. */
export function isAtOrBelow(path: string, url = ''): boolean {
  return url.startsWith(path) && ['', '/', '?'].includes(url.charAt(path.length))
}

/** Whether a socket of this path, exact or a prefix that ends in `/`, is the one for `pathname`. */
export function matches(path: string, pathname: string): boolean {
  return path.endsWith('/') ? pathname.startsWith(path) : pathname === path
}

/** Aborts when the time is over, or the client has gone; until it is stopped. What the client has written is left unread. */
function untilGone(socket: Duplex, ms: number): { signal: AbortSignal; stop(): void } {
  const gone = new AbortController()
  const leave = () => gone.abort()
  // Nobody reads yet, so that the end of what the client says has to be looked for.
  const look = () => void socket.read(0)
  socket.on('readable', look)
  socket.once('end', leave)
  socket.once('close', leave)
  if (socket.destroyed || socket.readableEnded) leave()
  const stop = () => {
    socket.off('readable', look)
    socket.off('end', leave)
    socket.off('close', leave)
  }
  return { signal: AbortSignal.any([gone.signal, AbortSignal.timeout(ms)]), stop }
}

/** Answers a refused upgrade as a refused request is answered. */
function refuse(socket: Duplex, status: number, error?: unknown): void {
  if (socket.destroyed || socket.writableEnded) return
  const body = error ? JSON.stringify(problemBody(toProblem(error), '/', randomUUID())) : ''
  const type = body && 'content-type: application/problem+json\r\n'
  const later = error instanceof Problem ? error.facts.retryAfterSeconds : undefined
  const retry = later ? `retry-after: ${String(later)}\r\n` : ''
  const lines = `${type}${retry}connection: close\r\ncontent-length: ${Buffer.byteLength(body)}`
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines}\r\n\r\n${body}`)
  // A client that does not hang up is hung up on.
  const cut = setTimeout(() => socket.destroy(), CUT_AFTER_MS).unref()
  socket.once('close', () => clearTimeout(cut))
  socket.resume()
}

function destroy(this: Duplex): void {
  this.destroy()
}
