import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { HostServer } from '#kernel/http/host-server.ts'
import { visitorProblems as problems } from '../gate/problems.ts'
import { answerProblem } from '../http/answer.ts'
import type { Directory } from '../http/directory.ts'
import type { Caller } from '../http/passage.ts'
import type { ServedTunnel } from '../http/served-tunnel.ts'
import { type Aim, hostnameOf } from '../http/strictness.ts'
import { refuseUpgrade } from '../http/web-socket.ts'
import { LINK_PATH, LINK_PROTOCOL } from '../link-protocol.ts'
import { PerAddress } from '../limits/per-address.ts'
import type { LinkKeeper } from '../links/link-keeper.ts'
import type { Forward, PeerVisit } from '../peers/visit.ts'
import type { RelayOptions } from '../relay-options.ts'
import { Callers, plainAddress } from './callers.ts'
import { clearAim, clearAimOfUpgrade } from './clear-aim.ts'
import type { Intake } from './intake.ts'

const PER_ADDRESS = { maxConnections: 2_000 }

type Told = 'domain' | 'isOwnHost' | 'trustedProxies' | 'forward' | 'perAddress' | 'log'

export interface FrontDoorOptions extends Pick<RelayOptions, Told> {
  directory: Directory
  intake: Intake
  keeper: LinkKeeper
}

/** Takes in whoever comes to the public listener and to the ports of tunnels: visitors, and agents that ask for links. */
export class FrontDoor implements HostServer {
  readonly upgrades = [LINK_PROTOCOL]
  readonly #options: FrontDoorOptions
  readonly #directory: Directory
  readonly #callers: Callers
  readonly #perAddress: PerAddress
  /** What ends the count of a connection. */
  readonly #places = new WeakMap<Duplex, () => void>()

  constructor(options: FrontDoorOptions) {
    this.#options = options
    this.#directory = options.directory
    this.#callers = new Callers(options.trustedProxies)
    this.#perAddress = new PerAddress({ ...PER_ADDRESS, ...options.perAddress })
  }

  /**
   * Whether a request is for a tunnel or a link, by its Host and path: then nobody else may answer it. A name that is neither the
   * product's own nor below the domain of tunnels is looked for, once in a while.
   */
  isFor({ headers, url }: IncomingMessage): boolean | Promise<boolean> {
    const host = headers.host ?? headers[':authority']
    if (typeof host !== 'string') return false
    const owned = this.#owns(host)
    if (owned !== false) return owned
    return headers.upgrade?.toLowerCase() === LINK_PROTOCOL && url === LINK_PATH
  }

  /** Whether a name is known to be a tunnel's without asking anybody: in time for the first bytes of TLS. */
  knows(hostname: string): boolean {
    const isBelow = hostname.toLowerCase().endsWith(`.${this.#options.domain}`)
    return isBelow || this.#directory.known({ hostname: hostname.toLowerCase() }) !== undefined
  }

  /** Of one address no more than so many may be open at once, whatever they ask for; links do not count. */
  connected(socket: Socket): void {
    if (this.#callers.isTrusted(socket)) return
    const leave = this.#perAddress.connect(plainAddress(socket))
    if (!leave) return void socket.destroy()
    this.#places.set(socket, leave)
    socket.once('close', leave)
  }

  /** A visitor's request. */
  request(request: IncomingMessage, response: ServerResponse): void {
    response.on('error', ignore)
    const aim = clearAim(request, response)
    if (!aim) return
    const served = this.#directory.known({ hostname: aim.hostname })
    const caller = this.#callers.of(request)
    if (!served?.links.canServe) return void this.#seek(aim, request, response, caller)
    this.#options.intake.request(served, { request, response, aim, caller })
  }

  /** A visitor's WebSocket, or an agent that asks for a link. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const aim = clearAimOfUpgrade(request, socket)
    if (!aim) return
    this.#upgrade(aim, request, socket, head).catch((error: unknown) => {
      this.#options.log.warn({ err: error, host: aim.hostname }, 'a visitor could not be served')
      refuseUpgrade(request, socket, problems.unreachable({ retryAfterSeconds: 2 }))
    })
  }

  /** A visitor's connection to the port of a TCP tunnel. */
  connection(port: number, socket: Socket): void {
    socket.on('error', ignore)
    this.connected(socket)
    if (socket.destroyed) return
    const ip = plainAddress(socket)
    const caller = { ip, peer: ip, trusted: false, secure: false }
    void this.#takeTcp(port, socket, caller).catch((error: unknown) => {
      this.#options.log.warn({ err: error, port }, 'a visitor could not be served')
      socket.destroy()
    })
  }

  /** Whether a name is a tunnel's, or may be. */
  #owns(host: string): boolean | Promise<boolean> {
    const hostname = hostnameOf(host)
    if (hostname.endsWith(`.${this.#options.domain}`)) return true
    if (this.#options.isOwnHost(hostname) || this.#directory.isMissing({ hostname })) return false
    if (this.#directory.known({ hostname })) return true
    return this.#directory.find({ hostname }).then(
      (served) => served !== undefined,
      () => false,
    )
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
      const isServed = await this.#isServedElsewhere(served, caller, (forward, visit) =>
        forward.request(request, response, visit),
      )
      if (!isServed) this.#options.intake.request(served, { request, response, aim, caller })
    } catch (error) {
      this.#options.log.warn({ err: error, host: aim.hostname }, 'a visitor could not be served')
      answerProblem(request, response, problems.unreachable({ retryAfterSeconds: 2 }))
    }
  }

  async #upgrade(aim: Aim, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (request.headers.upgrade?.toLowerCase() === LINK_PROTOCOL) {
      if (!(await this.#owns(aim.host))) return this.#takeLink(request, socket, head)
      const detail = 'Agents are taken in under the name of the product, and not of a tunnel.'
      return refuseUpgrade(request, socket, problems.badRequest({ detail }))
    }
    const served = await this.#directory.find({ hostname: aim.hostname })
    if (!served || served.spec.kind !== 'http') {
      return refuseUpgrade(request, socket, problems.unknownHost({ host: aim.host }))
    }
    const caller = this.#callers.of(request)
    const isServed = await this.#isServedElsewhere(served, caller, (forward, visit) =>
      forward.upgrade(request, socket, head, visit),
    )
    if (isServed) return
    await this.#options.intake.upgrade(served, { request, socket, head, aim, caller })
  }

  /** An agent that asks for a link: `GET /tunnel-link` with `Upgrade: gantry-tunnel/1`. */
  async #takeLink(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const leave = this.#places.get(socket)
    if (leave) {
      socket.off('close', leave)
      this.#places.delete(socket)
      leave()
    }
    await this.#options.keeper.open(request, socket, head, this.#callers.addressOf(request))
  }

  async #takeTcp(port: number, socket: Duplex, caller: Caller): Promise<void> {
    const served = await this.#directory.find({ port })
    if (served?.spec.kind !== 'tcp' || socket.destroyed) return void socket.destroy()
    const isServed = await this.#isServedElsewhere(served, caller, (forward, visit) =>
      forward.connection(socket, visit),
    )
    if (!isServed) await this.#options.intake.connection(served, socket, caller)
  }

  /** Hands a visitor to a relay that has a link of the tunnel; false for one that is this relay's to answer. */
  async #isServedElsewhere(
    { links, spec }: ServedTunnel,
    { ip, secure, trusted }: Caller,
    hand: (forward: Forward, visit: PeerVisit) => Promise<boolean>,
  ): Promise<boolean> {
    const { forward } = this.#options
    if (links.canServe || !forward || !spec.started) return false
    return hand(forward, { kind: 'peer', tunnelId: spec.id, ip, secure, trusted })
  }
}

function ignore(): void {}
