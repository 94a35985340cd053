import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import { AddressRanges } from '#kernel/address-ranges.ts'
import { clientAddresses } from '#kernel/http/client-address.ts'
import type { HostServer } from '#kernel/http/host-server.ts'
import type { News, RelayConfig } from './control.ts'
import { Gates } from './gate/gates.ts'
import { visitorProblems as problems } from './gate/problems.ts'
import { answerProblem } from './http/answer.ts'
import { Directory } from './http/directory.ts'
import type { Caller } from './http/passage.ts'
import { requestIds } from './http/request-ids.ts'
import { serveRequest } from './http/serve-request.ts'
import type { ServedTunnel } from './http/served-tunnel.ts'
import { type Aim, aimOf, hostnameOf } from './http/strictness.ts'
import { Sums, type Surroundings } from './http/surroundings.ts'
import { refuseUpgrade, serveUpgrade } from './http/web-socket.ts'
import type { ReplayedRequest } from './inspect/replay.ts'
import { DecisionRoom } from './inspect/room.ts'
import { LINK_PATH, LINK_PROTOCOL } from './link-protocol.ts'
import { PerAddress } from './limits/per-address.ts'
import { LinkKeeper, TAKEN } from './links/link-keeper.ts'
import type { Link } from './links/link.ts'
import { Load } from './load.ts'
import { Meters } from './measure/meters.ts'
import { UsageJournal } from './measure/usage-journal.ts'
import type { RelayCalls } from './peers/calls.ts'
import {
  NoLink,
  type PeerVisit,
  type Serving,
  type SessionVisit,
  type Visit,
} from './peers/visit.ts'
import { answerCalls } from './relay-calls.ts'
import type { RelayFacts, RelayOptions } from './relay-options.ts'
import { replay } from './replay-request.ts'
import { TcpPassing } from './tcp/tcp-passing.ts'
import { TcpPorts } from './tcp/tcp-ports.ts'
import { Watch } from './watch.ts'

const LOOK_EVERY_MS = 1_000
const IDLE_AFTER_MS = 60_000
const PER_ADDRESS = { maxConnections: 2_000 }

const SUSPENDED = {
  code: 'tunnel.suspended',
  detail: 'The operator of this service has suspended the tunnel.',
} as const
const STOPPED = { code: 'tunnel.stopped', detail: 'The tunnel was stopped.' } as const

/**
 * Carries the traffic of tunnels: takes the links of agents and the requests, WebSockets and connections of visitors. It has no database
 * and no key; what it knows of tunnels it asks the control plane.
 */
export class Relay implements Serving, HostServer, AsyncDisposable {
  readonly upgrades = [LINK_PROTOCOL]
  readonly calls: RelayCalls
  readonly #options: RelayOptions
  readonly #surroundings: Surroundings
  readonly #directory: Directory
  readonly #keeper: LinkKeeper
  readonly #ports: TcpPorts
  readonly #journal: UsageJournal
  readonly #watch: Watch
  readonly #load = new Load()
  readonly #looking: NodeJS.Timeout
  readonly #addressOf: (request: IncomingMessage) => string
  readonly #trusted: AddressRanges
  /** Of connections that no port has taken. */
  readonly #inner: Server
  readonly #perAddress: PerAddress
  readonly #places = new WeakMap<Duplex, Disposable>()
  readonly #visits = new WeakMap<object, Visit & { replayOf?: string }>()
  #config: RelayConfig
  #isToldToDrain = false

  static async open(options: RelayOptions): Promise<Relay> {
    const meters = new Meters(options.clock)
    const { journalPath: path, control, log } = options
    const journal = await UsageJournal.open({ path, meters, control, log })
    return new Relay(options, meters, journal)
  }

  private constructor(options: RelayOptions, meters: Meters, journal: UsageJournal) {
    const { clock, control, log, newId } = options
    this.#options = options
    this.#config = options.config
    this.#addressOf = clientAddresses(options.trustedProxies)
    this.#trusted = new AddressRanges(options.trustedProxies)
    this.#perAddress = new PerAddress({ ...PER_ADDRESS, ...options.perAddress })
    this.#surroundings = this.#makeSurroundings(meters)
    this.#directory = new Directory(control, this.#surroundings, (served, links) => {
      this.#tellLost(served, links)
    })
    this.#journal = journal
    this.#journal.start()
    this.#ports = new TcpPorts({
      ...{ host: options.host, log, relayId: options.id },
      linkedAt: (port) => this.#linkedAt(port),
      report: (reports) => control.reportPorts(reports),
      onConnection: (port, socket) => this.#onTcp(port, socket),
    })
    this.#watch = new Watch({
      ...{ control, log },
      tunnelIds: () => this.#directory.ids,
      onNews: (news) => this.#hear(news),
    })
    this.#keeper = new LinkKeeper({
      ...{ relayId: options.id, control, directory: this.#directory, clock, newId, log },
      config: () => this.#config,
      onChange: () => this.#watch.renew(),
    })
    this.#inner = this.#innerServer()
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY_MS)
    this.calls = answerCalls(this.#directory, (limit) => options.logs?.(limit) ?? [])
  }

  get facts(): RelayFacts {
    const { sums, isDraining } = this.#surroundings
    return {
      ...{ draining: isDraining, links: this.#keeper.size, tunnels: this.#linked().length },
      ...{ streams: sums.underWay, requests: sums.requests, failures: sums.failures },
      ...{ bytesIn: sums.bytesIn, bytesOut: sums.bytesOut },
      ...this.#load.take(),
    }
  }

  /** Links that are open, and those that the control plane is being asked about. */
  linkIds(): string[] {
    return this.#keeper.ids
  }

  /** Counts that the control plane has not taken yet. */
  get waitingUsage(): number {
    return this.#journal.figures.waiting
  }

  /** Of TCP tunnels that it has a link of: those that are open. */
  get tcpPorts(): number[] {
    return this.#ports.ports
  }

  /** Closes links that the books do not have any more; their agents come again. */
  dropLinks(linkIds: readonly string[]): void {
    this.#keeper.drop(linkIds)
  }

  /**
   * Whether a request is for a tunnel or a link, by its Host and path: then nobody else may answer it. A name that is neither the
   * product's own nor below the domain of tunnels is looked for, once in a while.
   */
  isFor({ headers, url }: IncomingMessage): boolean | Promise<boolean> {
    const host = headers.host ?? headers[':authority']
    if (typeof host !== 'string') return false
    const owned = this.owns(host)
    if (owned !== false) return owned
    return headers.upgrade?.toLowerCase() === LINK_PROTOCOL && url === LINK_PATH
  }

  /** Whether a name is a tunnel's, or may be. */
  owns(host: string): boolean | Promise<boolean> {
    const hostname = hostnameOf(host)
    if (hostname.endsWith(`.${this.#options.domain}`)) return true
    if (this.#options.isOwnHost(hostname) || this.#directory.isMissing({ hostname })) return false
    if (this.#directory.known({ hostname })) return true
    return this.#directory.find({ hostname }).then(
      (served) => served !== undefined,
      () => false,
    )
  }

  /** Whether a name is known to be a tunnel's without asking anybody: in time for the first bytes of TLS. */
  knows(hostname: string): boolean {
    const isBelow = hostname.toLowerCase().endsWith(`.${this.#options.domain}`)
    return isBelow || this.#directory.known({ hostname: hostname.toLowerCase() }) !== undefined
  }

  /** Of one address no more than so many may be open at once, whatever they ask for; links do not count. */
  connected(socket: Socket): void {
    const ip = plain(socket.remoteAddress)
    if (this.#isTrusted(ip)) return
    const place = this.#perAddress.connect(ip)
    if (!place) return void socket.destroy()
    this.#places.set(socket, place)
    socket.once('close', () => place[Symbol.dispose]())
  }

  /** Whether it has a link of the tunnel that takes something new. */
  has(tunnelId: string): boolean {
    return this.#directory.byId(tunnelId)?.links.canServe === true
  }

  /** A visitor's request. */
  request(request: IncomingMessage, response: ServerResponse): void
  /** That of somebody who comes by another way than the public listener. @throws NoLink */
  request(request: IncomingMessage, response: ServerResponse, visit: Visit): Promise<void>
  request(request: IncomingMessage, response: ServerResponse, visit?: Visit): void | Promise<void> {
    response.on('error', ignore)
    const aim = aimOf(request)
    if ('unclear' in aim) {
      response.shouldKeepAlive = false
      return answerProblem(request, response, problems.badRequest({ detail: aim.unclear }))
    }
    if (visit) return this.#requestOf(visit, aim, request, response)
    const served = this.#directory.known({ hostname: aim.hostname })
    const caller = this.#callerOf(request)
    if (served?.links.canServe) this.#serve(served, aim, request, response, caller)
    else void this.#seek(aim, request, response, caller)
  }

  /** A visitor's WebSocket, or an agent that asks for a link. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** That of somebody who comes by another way than the public listener. @throws NoLink */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, visit: Visit): Promise<void>
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    visit?: Visit,
  ): void | Promise<void> {
    socket.on('error', ignore)
    if (visit) return this.#upgradeOf(visit, request, socket, head)
    void this.#upgrade(request, socket, head)
  }

  /** A connection to a TCP tunnel, of somebody who has come to another relay. Resolves when it is over. @throws NoLink */
  async connection(socket: Duplex, visit: PeerVisit): Promise<void> {
    const served = this.#linkedFor(visit)
    await this.#pass(served, socket, callerOf(visit))
  }

  /**
   * The near end of a connection that a browser session has to a tunnel: HTTP for HTTP tunnels, bytes for TCP ones.
   *
   * @throws NoLink
   */
  connect(visit: SessionVisit): Duplex {
    const served = this.#linkedFor(visit)
    const [near, far] = duplexPair()
    if (served.spec.kind === 'tcp') {
      void this.#pass(served, far, callerOf(visit))
    } else {
      this.#visits.set(far, visit)
      this.#inner.emit('connection', far)
    }
    return near
  }

  /** Agents are told first and no new stream is taken; resolves once the last one has ended, or the signal aborts. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#isToldToDrain = false
    this.#surroundings.isDraining = true
    this.#ports.keep([])
    this.#keeper.drain()
    while (!signal.aborted && (this.#surroundings.sums.underWay > 0 || this.#keeper.size > 0)) {
      await pause(signal)
    }
  }

  /** What an operator has asked for may be taken back; a process that goes by itself goes. */
  #follow(drain: boolean): void {
    const { isDraining } = this.#surroundings
    if (drain && !isDraining) {
      this.#isToldToDrain = true
      this.#surroundings.isDraining = true
      this.#keeper.drain()
    } else if (!drain && this.#isToldToDrain) {
      this.#isToldToDrain = false
      this.#surroundings.isDraining = false
      this.#keeper.undrain()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#looking)
    for (const served of this.#directory.tunnels) served.end()
    await this.#watch[Symbol.asyncDispose]()
    await this.#ports[Symbol.asyncDispose]()
    await this.#keeper[Symbol.asyncDispose]()
    this.#inner.closeAllConnections()
    await this.#journal[Symbol.asyncDispose]()
    this.#load[Symbol.dispose]()
  }

  #makeSurroundings(meters: Meters): Surroundings {
    const { id, domain, clock, log, keys } = this.#options
    return {
      ...{ relayId: id, domain, clock, log, meters },
      gates: new Gates({ clock, keys }),
      room: new DecisionRoom({ clock }),
      replayer: (request) => this.#replay(request),
      sums: new Sums(),
      newRequestId: requestIds(() => clock.now().getTime()),
      isDraining: false,
    }
  }

  #serve(
    served: ServedTunnel,
    aim: Aim,
    request: IncomingMessage,
    response: ServerResponse,
    caller: Caller,
  ): void {
    if (this.#isFull)
      return answerProblem(request, response, problems.relayBusy({ retryAfterSeconds: 1 }))
    serveRequest(served, { request, response, aim, caller })
  }

  get #isFull(): boolean {
    return this.#surroundings.sums.underWay >= this.#config.maxConnections
  }

  /** Of a tunnel that this relay does not know, or has no link of. */
  async #seek(
    aim: Aim,
    request: IncomingMessage,
    response: ServerResponse,
    caller: Caller,
  ): Promise<void> {
    try {
      const served = await this.#directory.find({ hostname: aim.hostname })
      if (!served || served.spec.kind !== 'http') {
        return answerProblem(request, response, problems.unknownHost({ host: aim.host }))
      }
      if (
        !served.links.canServe &&
        (await this.#forwards(served, caller, (forward, visit) => {
          return forward.request(request, response, visit)
        }))
      )
        return
      this.#serve(served, aim, request, response, caller)
    } catch (error) {
      this.#options.log.warn({ err: error, host: aim.hostname }, 'a visitor could not be served')
      answerProblem(request, response, problems.unreachable({ retryAfterSeconds: 2 }))
    }
  }

  async #forwards(
    served: ServedTunnel,
    { ip, secure, trusted }: Caller,
    hand: (forward: NonNullable<RelayOptions['forward']>, visit: PeerVisit) => Promise<boolean>,
  ): Promise<boolean> {
    const { forward } = this.#options
    if (!forward || !served.spec.started) return false
    return hand(forward, { kind: 'peer', tunnelId: served.spec.id, ip, secure, trusted })
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const aim = aimOf(request)
    if ('unclear' in aim) {
      return refuseUpgrade(request, socket, problems.badRequest({ detail: aim.unclear }))
    }
    const { hostname } = aim
    try {
      if (
        request.headers.upgrade?.toLowerCase() === LINK_PROTOCOL &&
        !(await this.owns(aim.host))
      ) {
        return await this.link(request, socket, head)
      }
      const served = await this.#directory.find({ hostname })
      if (!served || served.spec.kind !== 'http') {
        return refuseUpgrade(request, socket, problems.unknownHost({ host: aim.host }))
      }
      const caller = this.#callerOf(request)
      if (
        !served.links.canServe &&
        (await this.#forwards(served, caller, (forward, visit) => {
          return forward.upgrade(request, socket, head, visit)
        }))
      )
        return
      if (this.#isFull) return refuseUpgrade(request, socket, problems.relayBusy())
      await serveUpgrade(served, { request, socket, head, aim, caller })
    } catch (error) {
      this.#options.log.warn({ err: error, host: hostname }, 'a visitor could not be served')
      refuseUpgrade(request, socket, problems.unreachable({ retryAfterSeconds: 2 }))
    }
  }

  /** An agent that asks for a link: `GET /tunnel-link` with `Upgrade: gantry-tunnel/1`. */
  async link(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    this.#places.get(socket)?.[Symbol.dispose]()
    await this.#keeper.open(request, socket, head, this.#addressOf(request))
  }

  async #requestOf(
    visit: Visit & { replayOf?: string },
    aim: Aim,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const served = this.#linkedFor(visit)
    const over = new Promise<void>((resolve) => response.once('close', resolve))
    this.#serve(served, aim, request, response, callerOf(visit))
    await over
  }

  async #upgradeOf(
    visit: Visit,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    const aim = aimOf(request)
    if ('unclear' in aim) {
      return refuseUpgrade(request, socket, problems.badRequest({ detail: aim.unclear }))
    }
    const served = this.#linkedFor(visit)
    const over = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    await serveUpgrade(served, { request, socket, head, aim, caller: callerOf(visit) })
    await over
  }

  /** @throws NoLink */
  #linkedFor({ tunnelId }: Visit): ServedTunnel {
    const served = this.#directory.byId(tunnelId)
    if (!served?.links.canServe) throw new NoLink(tunnelId)
    return served
  }

  #onTcp(port: number, socket: Socket): void {
    socket.on('error', ignore)
    this.connected(socket)
    if (socket.destroyed) return
    const ip = plain(socket.remoteAddress)
    const caller = { ip, peer: ip, trusted: false, secure: false }
    void this.#takeTcp(port, socket, caller).catch((error: unknown) => {
      this.#options.log.warn({ err: error, port }, 'a visitor could not be served')
      socket.destroy()
    })
  }

  async #takeTcp(port: number, socket: Duplex, caller: Caller): Promise<void> {
    const served = await this.#directory.find({ port })
    if (served?.spec.kind !== 'tcp' || socket.destroyed) return void socket.destroy()
    if (
      !served.links.canServe &&
      (await this.#forwards(served, caller, (forward, visit) => {
        return forward.connection(socket, visit)
      }))
    )
      return
    await this.#pass(served, socket, caller)
  }

  async #pass(served: ServedTunnel, socket: Duplex, caller: Caller): Promise<void> {
    if (this.#isFull) return void socket.destroy()
    const over = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    await TcpPassing.begin(served, socket, caller)
    await over
  }

  #callerOf(request: IncomingMessage): Caller {
    const { socket } = request
    const peer = plain(socket.remoteAddress)
    const trusted = this.#isTrusted(peer)
    const ip = trusted ? this.#addressOf(request) : peer
    const told = trusted && request.headers['x-forwarded-proto'] === 'https'
    const secure = told || (socket as { encrypted?: boolean }).encrypted === true
    return { ip, peer, trusted, secure }
  }

  #isTrusted(peer: string): boolean {
    return this.#options.trustedProxies.length > 0 && this.#trusted.include(peer)
  }

  #innerServer(): Server {
    const visitOf = ({ socket }: IncomingMessage) => this.#visits.get(socket)!
    const server = createServer(
      { requestTimeout: 0, requireHostHeader: true },
      (request, response) => {
        this.request(request, response, visitOf(request)).catch(() => {
          answerProblem(request, response, problems.noAgent())
        })
      },
    )
    server.on('checkContinue', (request, response) => server.emit('request', request, response))
    server.on('upgrade', (request, socket, head) => {
      this.upgrade(request, socket, head, visitOf(request)).catch(() => {
        refuseUpgrade(request, socket, problems.noAgent())
      })
    })
    return server
  }

  #replay(asked: ReplayedRequest): Promise<string> {
    return replay(asked, (socket, visit) => {
      this.#visits.set(socket, visit)
      this.#inner.emit('connection', socket)
    })
  }

  #hear(news: News): void {
    this.#config = news.config
    for (const spec of news.specs) {
      const served = this.#directory.byId(spec.id)
      if (!served) continue
      this.#directory.apply(spec)
      this.#keeper.tellOf(served)
    }
    for (const id of news.gone) this.#lose(id)
    this.#follow(news.drain)
    // Others take what comes while it goes.
    this.#ports.keep(this.#surroundings.isDraining ? [] : news.ports)
    this.#options.onNews?.(news)
  }

  #linkedAt(port: number): string | undefined {
    const served = this.#directory.known({ port })
    return served && !served.links.isEmpty ? served.spec.id : undefined
  }

  #tellLost(served: ServedTunnel, links: readonly Link[]): void {
    const { started, suspended } = served.spec
    const { code, detail } = started ? TAKEN : suspended ? SUSPENDED : STOPPED
    this.#keeper.lose(served, links, code, detail)
  }

  #lose(tunnelId: string): void {
    const served = this.#directory.byId(tunnelId)
    if (!served) return
    const links = served.links.clear()
    this.#keeper.lose(served, links, 'tunnel.not_found', 'The tunnel was deleted.')
    this.#directory.drop(served)
  }

  #linked(): ServedTunnel[] {
    return [...this.#directory.tunnels].filter(({ links }) => !links.isEmpty)
  }

  /** Once in a second: what takes too long is ended, and what nobody uses is dropped. */
  #look(): void {
    const nowMs = performance.now()
    const idleSince = nowMs - (this.#options.idleAfterMs ?? IDLE_AFTER_MS)
    for (const served of this.#directory.tunnels) {
      served.awake?.look(nowMs)
      if (served.awake?.isIdleSince(idleSince)) served.sleep()
      const isUnused = !served.awake && served.links.isEmpty && served.askedMs < idleSince
      if (isUnused) this.#directory.drop(served)
    }
    this.#ports.look(nowMs)
    this.#surroundings.room.sweep()
  }
}

function ignore(): void {}

function plain(address = ''): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

function callerOf(visit: Visit & { replayOf?: string }): Caller {
  if (visit.kind === 'peer') {
    const { ip, secure, trusted, forwardedBy } = visit
    return { ip, peer: ip, secure, trusted, ...(forwardedBy !== undefined && { forwardedBy }) }
  }
  const { sessionId, grantId, replayOf } = visit
  return {
    ...{ ip: sessionId, peer: 'unknown', trusted: false, secure: false, sessionId },
    ...(grantId !== undefined && { grantId }),
    ...(replayOf !== undefined && { replayOf }),
  }
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, 25)
    signal.addEventListener('abort', done, { once: true })
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}
