import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Server, Socket } from 'socket.io'
import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { Situation } from '#kernel/kernel.ts'
import type { Logger } from '#kernel/log.ts'
import { Problem } from '#kernel/problem.ts'
import { Ticker } from '#kernel/ticker.ts'
import { within } from '#kernel/within.ts'
import type { BrowserRuntime } from '../runtime.ts'
import { Lingering } from '../watch/lingering.ts'
import {
  type Authenticate,
  authenticate,
  channelSocket,
  credentialOf,
  type Redeem,
} from './credential.ts'
import { findEnded } from './ended.ts'
import { connectError, enter, type EntranceRules, refuse } from './entrance.ts'
import * as limits from './limits.ts'
import { type Admitted, Member, type MemberParts } from './member.ts'
import { channelProblems } from './problems.ts'

export interface LiveChannelOptions extends EntranceRules {
  runtime(): BrowserRuntime
  authenticate: Authenticate
  redeem: Redeem
  /** Where a request comes from, behind trusted proxies too. */
  addressOf(request: IncomingMessage): string
  contextFor(situation: Pick<Situation, 'actor' | 'client' | 'signal'>): Context
  log: Logger
  /** Told when somebody may not do what their message asks for. */
  refused?: MemberParts['refused']
}

const SYSTEM = { kind: 'system', name: 'live channel' } as const
/** Service restart (IANA registry of WebSocket close codes): clients reconnect. */
const RESTARTING = 1012
const CUT_AFTER_MS = 1_000
const CHECK_MS = 5_000
const MAX_STRANGE_PACKETS = 50
/** In which a client that polls comes to hear that its connection is closed. */
const NEXT_POLL_MS = 2_000

type Connection = Socket['conn']

/** Socket.IO at `/socket.io`: commands, their results, and what happens in sessions, over one socket that is resumed after a drop. */
export class LiveChannel implements AsyncDisposable {
  readonly path = channelSocket.path
  readonly #options: LiveChannelOptions
  readonly #lingering = new Lingering({
    ...{ lingerMs: limits.LINGER_MS, most: limits.MAX_LINGERING },
  })
  readonly #members = new Map<Socket, Member>()
  /** Requests whose Authorization header was looked at before they were let in. */
  readonly #admitted = new WeakMap<IncomingMessage, Admitted>()
  /** Connections whose socket asks to be let in, or is in. */
  readonly #asking = new WeakSet<Connection>()
  readonly #joined = new WeakSet<Connection>()
  readonly #looking: Ticker
  #io: Promise<Server> | undefined
  #opened: Server | undefined
  #isClosing = false

  constructor(options: LiveChannelOptions) {
    this.#options = options
    const { log } = options
    const work = () => this.#look()
    this.#looking = new Ticker({ name: 'live channels', everyMs: limits.LOOK_EVERY_MS, log, work })
  }

  /** Those that have shown no credential yet, too. */
  get openSockets(): number {
    return this.#opened?.engine.clientsCount ?? 0
  }

  /** Answers a request of a client that polls. */
  request(request: IncomingMessage, response: ServerResponse): void {
    this.#answer(request, response).catch((error: unknown) => {
      if (!(error instanceof Problem)) this.#options.log.error({ err: error }, 'polling failed')
      refuse(request, response, error)
    })
  }

  /** Owns the socket from here on. @throws Problem, which is the HTTP answer */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    await this.#admit(request)
    const { engine } = await this.#server()
    if (!socket.destroyed) engine.handleUpgrade(request, socket, head)
  }

  /** Clients are told to come back; those that do not go are cut. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true
    const looked = this.#looking[Symbol.asyncDispose]()
    for (const member of this.#members.values()) member.drop(httpProblems.stopping(), RESTARTING)
    const endMs = performance.now() + CUT_AFTER_MS
    while (this.#members.size > 0 && performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    this.#opened?.engine.close()
    this.#lingering[Symbol.dispose]()
    await within(CUT_AFTER_MS, looked)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (enter(request, response, this.#options)) return
    await this.#admit(request)
    const { engine } = await this.#server()
    if (!response.destroyed) engine.handleRequest(request, response)
  }

  /** What belongs to an open connection is let in by its id. @throws Problem for a credential that does not count, and when full */
  async #admit(request: IncomingMessage): Promise<void> {
    const url = URL.parse(request.url ?? '', 'http://socket.invalid')
    if (!url) throw httpProblems.malformed({ detail: 'The URL cannot be read.' })
    if (url.searchParams.has('sid')) return
    if (this.#isClosing) throw httpProblems.stopping({ retryAfterSeconds: 5 })
    const { authorization } = request.headers
    if (authorization === undefined) {
      const strangers = this.openSockets - this.#members.size
      if (strangers < limits.MAX_STRANGERS) return
      const whose = 'without a credential'
      throw channelProblems.tooManySockets({ limit: limits.MAX_STRANGERS, whose })
    }
    const ip = this.#options.addressOf(request)
    const credential = { authorization, account: accountIn(request), ip }
    const person = await authenticate(this.#options.authenticate, credential)
    this.#demandRoom(person.accountId)
    this.#admitted.set(request, { person, credential })
  }

  /** Lazily: not every process has clients, and it is some MiB. */
  #server(): Promise<Server> {
    this.#io ??= this.#open()
    return this.#io
  }

  async #open(): Promise<Server> {
    const { Server } = await import('socket.io')
    const io = new Server({
      path: this.path,
      serveClient: false,
      transports: ['polling', 'websocket'],
      maxHttpBufferSize: limits.MAX_MESSAGE_BYTES,
      connectTimeout: limits.ADMIT_MS,
      httpCompression: false,
    })
    // It never listens: each request is handed over once it may come in.
    io.attach(createServer())
    io.use((socket, next) => {
      this.#join(socket).then(
        () => next(),
        (error: unknown) => next(connectError(error)),
      )
    })
    io.engine.on('connection', (connection: Connection) => this.#boundConnection(connection))
    this.#opened = io
    if (!this.#isClosing) this.#looking.start()
    return io
  }

  /** Whoever has not shown a credential has little to say, and nobody keeps a connection that is closed. */
  #boundConnection(connection: Connection): void {
    const transport = connection.transport as { closeTimeout?: number }
    if (connection.transport.name === 'polling') transport.closeTimeout = NEXT_POLL_MS
    let packets = 0
    connection.on('packet', () => {
      if (++packets > MAX_STRANGE_PACKETS && !this.#joined.has(connection)) connection.close(true)
    })
  }

  /** @throws Problem for a credential that does not count */
  async #join(socket: Socket): Promise<void> {
    const { conn } = socket
    if (this.#asking.has(conn)) throw httpProblems.malformed({ detail: 'It is connected already.' })
    this.#asking.add(conn)
    try {
      const admitted = await this.#admittedOf(socket)
      this.#demandRoom(admitted.person.accountId)
      if (this.#isClosing) throw httpProblems.stopping()
      if (conn.readyState !== 'open') throw new Error('the client has gone')
      const parts = { ...this.#options, lingering: this.#lingering }
      this.#members.set(socket, new Member(socket, admitted, parts))
      this.#joined.add(conn)
      conn.once('close', () => this.#members.delete(socket))
    } catch (error) {
      this.#asking.delete(conn)
      throw error
    }
  }

  /** By the token or the ticket of the CONNECT packet, or the header that the connection came with. */
  async #admittedOf({ handshake, request }: Socket): Promise<Admitted> {
    const { token, ticket } = handshake.auth as { token?: unknown; ticket?: unknown }
    const given =
      typeof token === 'string' ? { token } : typeof ticket === 'string' ? { ticket } : undefined
    if (!given) {
      const admitted = this.#admitted.get(request)
      if (!admitted) throw httpProblems.unauthenticated({ detail: NO_TOKEN })
      return admitted
    }
    const { redeem, addressOf, authenticate: ask } = this.#options
    const credential = await credentialOf(redeem, given, { ip: addressOf(request) })
    return { credential, person: await authenticate(ask, credential) }
  }

  /** @throws problem `channel.too_many_sockets` */
  #demandRoom(accountId: string): void {
    const limit = limits.MAX_SOCKETS_PER_ACCOUNT
    const own = [...this.#members.values()].filter(({ person }) => person.accountId === accountId)
    if (own.length >= limit)
      throw channelProblems.tooManySockets({ limit, whose: 'of the account' })
  }

  async #look(): Promise<void> {
    const members = [...this.#members.values()]
    if (members.length === 0) return
    const work = members.map(async (member) => {
      await member.check()
      await member.look()
    })
    await within(CHECK_MS, Promise.allSettled(work))
    const ids = new Set(members.flatMap(({ watches }) => watches.ids))
    const ended = await findEnded(this.#options.contextFor({ actor: SYSTEM }), [...ids])
    for (const row of ended) for (const { watches } of members) watches.end(row)
  }
}

/** Which account a client with an Authorization header acts for. */
function accountIn({ headers }: IncomingMessage): string | undefined {
  return headers['gantry-account']?.toString()
}

const NO_TOKEN =
  'Give an access token or an API key as `auth: { token }` or in an Authorization header, or a ticket as `auth: { ticket }`.'
