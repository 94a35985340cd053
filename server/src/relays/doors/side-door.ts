import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Duplex, duplexPair } from 'node:stream'
import { visitorProblems as problems } from '../gate/problems.ts'
import { answerProblem } from '../http/answer.ts'
import type { Directory } from '../http/directory.ts'
import type { ServedTunnel } from '../http/served-tunnel.ts'
import { refuseUpgrade } from '../http/web-socket.ts'
import type { ReplayedRequest } from '../inspect/replay.ts'
import type { RelayCalls } from '../peers/calls.ts'
import {
  NoLink,
  type PeerVisit,
  type Serving,
  type SessionVisit,
  type Visit,
} from '../peers/visit.ts'
import { callerOf } from './callers.ts'
import { clearAim, clearAimOfUpgrade } from './clear-aim.ts'
import type { Intake } from './intake.ts'
import { replay } from './replay-request.ts'

type Ways = Pick<SideDoor, 'calls'> & { directory: Directory; intake: Intake }

/** Takes in those who come by another way than the public listener: from other relays, from browser sessions, and once more. */
export class SideDoor implements Serving, Disposable {
  readonly calls: RelayCalls
  readonly #directory: Directory
  readonly #intake: Intake
  /** Of connections that no port has taken. */
  readonly #inner: Server
  readonly #visits = new WeakMap<object, Visit & { replayOf?: string }>()

  constructor({ calls, directory, intake }: Ways) {
    this.calls = calls
    this.#directory = directory
    this.#intake = intake
    this.#inner = this.#innerServer()
  }

  has(tunnelId: string): boolean {
    return this.#directory.byId(tunnelId)?.links.canServe === true
  }

  async request(
    request: IncomingMessage,
    response: ServerResponse,
    visit: Visit & { replayOf?: string },
  ): Promise<void> {
    response.on('error', ignore)
    const aim = clearAim(request, response)
    if (!aim) return
    const served = this.#linkedFor(visit)
    const over = new Promise<void>((resolve) => response.once('close', resolve))
    this.#intake.request(served, { request, response, aim, caller: callerOf(visit) })
    await over
  }

  async upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    visit: Visit,
  ): Promise<void> {
    socket.on('error', ignore)
    const aim = clearAimOfUpgrade(request, socket)
    if (!aim) return
    const served = this.#linkedFor(visit)
    const over = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    await this.#intake.upgrade(served, { request, socket, head, aim, caller: callerOf(visit) })
    await over
  }

  async connection(socket: Duplex, visit: PeerVisit): Promise<void> {
    await this.#intake.connection(this.#linkedFor(visit), socket, callerOf(visit))
  }

  /**
   * The near end of a connection that a browser session has to a tunnel: HTTP for HTTP tunnels, bytes for TCP ones.
   *
   * @throws NoLink
   */
  connect(visit: SessionVisit): Duplex {
    const served = this.#linkedFor(visit)
    const [near, far] = duplexPair()
    if (served.spec.kind === 'tcp') void this.#intake.connection(served, far, callerOf(visit))
    else this.#takeIn(far, visit)
    return near
  }

  /** Makes a request anew; resolves to the id of its own record. */
  replay(asked: ReplayedRequest): Promise<string> {
    return replay(asked, (socket, visit) => this.#takeIn(socket, visit))
  }

  [Symbol.dispose](): void {
    this.#inner.closeAllConnections()
  }

  #takeIn(socket: Duplex, visit: Visit & { replayOf?: string }): void {
    this.#visits.set(socket, visit)
    this.#inner.emit('connection', socket)
  }

  /** @throws NoLink */
  #linkedFor({ tunnelId }: Visit): ServedTunnel {
    const served = this.#directory.byId(tunnelId)
    if (!served?.links.canServe) throw new NoLink(tunnelId)
    return served
  }

  #innerServer(): Server {
    const visitOf = ({ socket }: IncomingMessage) => this.#visits.get(socket)!
    const server = createServer(
      { requestTimeout: 0, requireHostHeader: true, shouldUpgradeCallback: asksForWebSocket },
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
}

/** Any other wish to upgrade may be left unanswered (RFC 9110, 7.8). */
function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

function ignore(): void {}
